"""Six MR volumes small enough to train on in seconds: a body in air, a bright gland, a bright vessel beside it.

Axis order, spacing and tilt differ from case to case. They are written as PROMISE12 (`Case00.mhd` with
`Case00_segmentation.mhd`) or as images/ and labels/ with NIfTI files.
"""

from pathlib import Path
from typing import NamedTuple

import itk
import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

SHAPE = (64, 60, 6)  # x to the right, y to the front, z to the head
AXES = ("LPS", "LPS", "RAS", "LPI", "PLS", "SAR")
TILTS = (0.0, 14.0, 0.0, -9.0, 0.0, 6.0)  # degrees about the left-right axis
SPACINGS = (
    (1.0, 1.0, 3.0),
    (0.9, 0.9, 4.0),
    (1.1, 1.1, 3.5),
    (1.0, 0.9, 3.0),
    (0.95, 0.95, 3.0),
    (1.05, 1.05, 4.0),
)
NAMES = tuple(f"Case{number:02d}" for number in range(len(AXES)))
AIR = (2, 2, 2)  # x, y, z of a voxel outside the body, in every case


class Scan(NamedTuple):
    """One case in its own axis order, and two clicks [i, j, k] in it: in the middle of the gland, and in air."""

    image: nib.Nifti1Image
    label: nib.Nifti1Image
    middle: list[int]
    air: list[int]


def scan(number: int) -> Scan:
    """Image (int16) and label (1 is the gland) of one case."""
    rng = np.random.default_rng(number)
    x, y, z = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    body = ((x - 31.5) / 27) ** 2 + ((y - 29.5) / 25) ** 2 < 1
    cx, cy = rng.uniform(26, 37), rng.uniform(24, 33)
    gland = ((x - cx) / rng.uniform(8, 10)) ** 2 + ((y - cy) / 8) ** 2 + ((z - 2.5) / 2.4) ** 2 < 1
    vessel = ((x - cx - 15) / 3) ** 2 + ((y - cy) / 3) ** 2 < 1
    tones = np.select([gland, vessel, body], [700.0, 750.0, 250.0], 0.0) + rng.normal(0, 12, SHAPE) * body
    affine = _tilted(np.diag([*SPACINGS[number], 1.0]), TILTS[number])
    affine[:3, 3] = (-30.0, -25.0 - 4 * number, 80.0)
    image = _turned(np.clip(tones, 0, None).astype(np.int16), affine, AXES[number])
    label = _turned(gland.astype(np.uint8), affine, AXES[number])
    middle = np.argwhere(gland[..., 2]).mean(0)
    places = ((*middle, 2), AIR)
    return Scan(image, label, *(_voxel(image, affine, place) for place in places))


def write_promise12(folder: Path) -> Path:
    """Write the six cases as PROMISE12 into `folder` and return it."""
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        image, label = scan(number)[:2]
        write_itk(image, folder / f"{name}.mhd")
        write_itk(label, folder / f"{name}_segmentation.mhd")
    return folder


def write_plain(folder: Path) -> Path:
    """Write the six cases as images/ and labels/ into `folder` and return it."""
    for number, name in enumerate(NAMES):
        for kind, image in zip(("images", "labels"), scan(number)[:2], strict=True):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            nib.save(image, folder / kind / f"{name}.nii.gz")
    return folder


def write_itk(image: nib.Nifti1Image, path: Path) -> None:
    """Write with ITK, whose world axes are left, back, head."""
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    picture = itk.image_from_array(np.ascontiguousarray(np.asarray(image.dataobj).T))
    picture.SetSpacing(spacing.tolist())
    picture.SetOrigin(lps[:3, 3].tolist())
    picture.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
    itk.imwrite(picture, path)


def _tilted(affine: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    askew = np.eye(4)
    askew[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return askew @ affine


def _turned(array: np.ndarray, affine: np.ndarray, axes: str) -> nib.Nifti1Image:
    image = nib.Nifti1Image(array, affine)
    return image.as_reoriented(ornt_transform(io_orientation(affine), axcodes2ornt(axes)))


def _voxel(image: nib.Nifti1Image, affine: np.ndarray, place: tuple[float, float, float]) -> list[int]:
    """The voxel of the turned image at a place (x, y, z) of the array it was made of."""
    found = nib.affines.apply_affine(np.linalg.inv(image.affine) @ affine, place)
    return [round(float(n)) for n in found]
