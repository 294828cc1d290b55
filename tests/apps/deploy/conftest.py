"""Series of both phantoms, cut down to a few slices, and what `patchseg` finds in them with the same clicks.

These tests run in the environment of the application: `make test-deploy`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from nibabel.affines import apply_affine

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "apps" / "deploy"))
from dicom_series import LIMIT, REPOSITORY, axial, write_series

from patchseg.data.phantom_ct import ct_phantom
from patchseg.data.phantom_mr import mr_phantom

# The environment in which `patchseg` itself is at home: the application must find what it finds.
MAIN_PYTHON = REPOSITORY / ".venv" / "bin" / "python"


@dataclass
class Case:
    """A series in `folder`, with its voxels (column, row, slice), affine to RAS and a voxel inside the object."""

    folder: Path
    voxels: np.ndarray
    affine: np.ndarray
    click: tuple[int, int, int]

    def lps(self, voxel: tuple[int, int, int] | None = None) -> list[float]:
        """Where a voxel, or else the click, lies in the patient."""
        return (apply_affine(self.affine, voxel or self.click) * (-1, -1, 1)).round(4).tolist()


def cut(
    phantom: Callable[[int], tuple], seed: int, value: int, reach: int, slices: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int]]:
    """A phantom's `slices` that show most of the object, `reach` voxels around it; affine; the object's middle."""
    image, label, affine = phantom(seed)
    voxels, turned = axial(image, affine)
    here = axial(label, affine)[0] == value
    shown = np.convolve(here.sum((0, 1)), np.ones(slices), "valid").argmax()
    middle = np.rint(np.argwhere(here[..., shown : shown + slices]).mean(0)).astype(int)
    start = np.array([*np.maximum(middle[:2] - reach, 0), shown])
    end = np.array([*np.minimum(middle[:2] + reach, here.shape[:2]), shown + slices])
    moved = turned.copy()
    moved[:3, 3] = apply_affine(turned, start)
    part = voxels[tuple(slice(a, b) for a, b in zip(start, end, strict=True))]
    return np.ascontiguousarray(part), moved, tuple(int(n) for n in (*middle[:2] - start[:2], slices // 2))


class Cases(dict[str, Case]):
    """CT and MR, axial and oblique, each made when it is first asked for.

    The oblique ones have odd file names, in no order, and oblong pixels.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __missing__(self, name: str) -> Case:
        seed, oblong = {"ct": (0, 1.0), "oblique_ct": (4, 1.2), "mr": (0, 1.0), "oblique_mr": (1, 0.8)}[name]
        is_ct = name.endswith("ct")
        voxels, affine, click = cut(ct_phantom, seed, 2, 40, 5) if is_ct else cut(mr_phantom, seed, 1, 75, 6)
        affine[:3, 0] *= oblong
        names = None if oblong == 1 else ["z", "IM5", "a slice.ima", "IM12.dcm", "IM1.DCM", "9"]
        kind = {"modality": "CT", "intercept": -1024} if is_ct else {"modality": "MR"}
        self[name] = Case(
            write_series(self.folder / name, voxels, affine, names=names, **kind), voxels, affine, click
        )
        return self[name]


class Masks(dict[str, Path]):
    """What `patchseg segment` and `patchseg click` find in a case, in the main environment."""

    def __init__(self, cases: Cases) -> None:
        self.cases = cases

    def __missing__(self, name: str) -> Path:
        case, path = self.cases[name], self.cases.folder / f"{name}.nii.gz"
        command = ["segment"] if name.endswith("ct") else ["click", "--at", ",".join(map(str, case.click))]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
        subprocess.run(
            [MAIN_PYTHON, "-m", "patchseg", *command, case.folder, "-o", path],
            check=True,
            env=environment,
            timeout=LIMIT,
        )
        self[name] = path
        return path


@pytest.fixture(autouse=True)
def shipped_bundles(monkeypatch):
    """The repository's bundles for every test, whatever --model another one gave."""
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(REPOSITORY / "bundles"))


@pytest.fixture(scope="session")
def cases(tmp_path_factory) -> Cases:
    return Cases(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="session")
def expected(cases) -> Masks:
    return Masks(cases)
