"""Where the bundles lie."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from patchseg.errors import InputError
from patchseg.overrides import config_files

ENVIRONMENT = "PATCHSEG_BUNDLES"


def bundle_root(name: str) -> Path:
    """The folder of a bundle: the one with configs/, models/ and docs/.

    The first that exists of: the bundle whose config this process was started with (`python -m monai.bundle run
    --config_file <root>/configs/evaluate.json`), so that a copy of a bundle uses its own files;
    `$PATCHSEG_BUNDLES/<name>`; `bundles/<name>` in the repository the package was installed from; those that
    the installed wheel carries (so `pip install` is all it takes to use them).

    Raises:
        InputError: none of them exists.
    """
    started = _started_from(sys.argv)
    if started is not None:
        return started
    for folder in _folders():
        if _is_bundle(folder / name):
            return folder / name
    known = ", ".join(bundle_names()) or f"none; set {ENVIRONMENT} to the folder that holds them"
    raise InputError(f"there is no bundle called {name}: choose one of those found ({known}).")


def bundle_names() -> list[str]:
    """The bundles in `$PATCHSEG_BUNDLES`, in the repository and in the wheel, sorted."""
    found = (path for folder in _folders() if folder.is_dir() for path in folder.iterdir())
    return sorted({path.name for path in found if _is_bundle(path)})


def _folders() -> list[Path]:
    given = os.environ.get(ENVIRONMENT)
    package = Path(__file__).resolve().parent
    own = [package.parents[1] / "bundles", package / "shipped"]
    return [Path(given).expanduser(), *own] if given else own


def _is_bundle(folder: Path) -> bool:
    return (folder / "configs" / "metadata.json").is_file()


def _started_from(arguments: Sequence[str]) -> Path | None:
    files = (Path(file).expanduser().absolute() for file in config_files(arguments))
    roots = (file.parent.parent for file in files if file.parent.name == "configs" and file.is_file())
    return next((root for root in roots if _is_bundle(root)), None)
