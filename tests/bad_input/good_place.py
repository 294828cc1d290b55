"""A folder with good files to spoil, and the programs, run in this process as a user starts them."""

import runpy
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from bad_scans import nifti, voxels

from patchseg.cli import main
from patchseg.errors import input_error_in
from patchseg.report import main as report


@dataclass
class Place:
    """Where one bad input is tried: `scan.nii.gz` and `bundles/` are good."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


@dataclass
class Ended:
    """How a program ended and what it said; code 1 stands for a traceback."""

    code: int
    said: str


def good_place(folder: Path, bundles: Path) -> Place:
    nifti(folder / "scan.nii.gz")
    shutil.copytree(bundles, folder / "bundles")
    return Place(folder)


def snapshot(folder: Path) -> dict[str, object]:
    """Every file and folder with its content, links as links."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = path.readlink()
        elif path.is_file():
            found[name] = path.read_bytes() if path.stat().st_mode & 0o400 else "closed"
        else:
            found[name] = "folder" if path.is_dir() else "pipe"
    return found


def run(program: str, arguments: list[str], capsys: pytest.CaptureFixture) -> Ended:
    """Run `patchseg`, `patchseg.report` or `monai.bundle` with these arguments, here."""
    capsys.readouterr()
    before, hook = sys.argv, sys.excepthook
    sys.argv = [program, *arguments]
    try:
        if program == "patchseg":
            main(arguments)
        elif program == "report":
            import fire

            fire.Fire(report)
        else:
            runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
        return Ended(0, capsys.readouterr().err)
    except SystemExit as stop:
        return Ended(int(stop.code or 0), capsys.readouterr().err)
    except Exception as error:
        wrong = input_error_in(error)
        # the bundles' own hook turns it into the sentence; before it is there, nobody does
        if wrong is None or sys.excepthook is hook:
            raise
        return Ended(2, f"error: {wrong}")
    finally:
        sys.argv, sys.excepthook = before, hook


def labels() -> np.ndarray:
    return (voxels() > 200).astype(np.uint8) * 2
