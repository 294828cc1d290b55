"""Bundles run in this process, as `monai.bundle run` runs them: a training of seconds need not start a program."""

from pathlib import Path

import monai.bundle

from patchseg.bundles import bundle_root
from patchseg.errors import input_error_in


def run(bundle: str, *configs: str, **settings: object) -> None:
    """Run a config of a bundle, or several laid over each other."""
    files = [str(bundle_root(bundle) / "configs" / f"{config}.json") for config in configs]
    given = {key: str(value) if isinstance(value, Path) else value for key, value in settings.items()}
    monai.bundle.run(config_file=files if len(files) > 1 else files[0], logging_file=False, **given)


def sentence(bundle: str, *configs: str, **settings: object) -> str:
    """The sentence with which a run ends."""
    try:
        run(bundle, *configs, **settings)
    except Exception as error:
        wrong = input_error_in(error)
        if wrong is None:
            raise
        return str(wrong)
    raise AssertionError(f"{bundle} ran to its end with {settings}")
