"""Puts the bundles into the wheel: configs, weights and documents lie outside the package, in bundles/."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PARTS = ("LICENSE", "configs/*", "docs/**/*", "models/model.pt", "models/model.pt.sha256", "models/LICENSE*")


class WithBundles(build_py):
    """The package as ever, and bundles/<name> as patchseg/shipped/<name>; an editable install uses bundles/."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for part in PARTS:
            for source in filter(Path.is_file, Path("bundles").glob(f"*/{part}")):
                target = Path(self.build_lib, "patchseg", "shipped", source.relative_to("bundles"))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


setup(cmdclass={"build_py": WithBundles})
