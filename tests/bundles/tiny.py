"""Six CT volumes small enough to train on in seconds: a body, a kidney and a bright tumour that two epochs learn.

The files have the layout of KiTS (`case_00000/imaging.nii.gz`), and no two the same axis order and spacing.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

SHAPE = (48, 44, 4)  # x to the right, y to the front, z to the head
AXES = ("IPL", "RAS", "LPS", "IPL", "PLS", "SAR")  # IPL is how KiTS stores: slice, row, column
SPACINGS = ((2.0, 2.0, 4.0), (1.8, 1.8, 3.0), (2.2, 2.2, 5.0), (1.9, 1.9, 4.0), (2.1, 2.1, 3.5), (2.0, 2.0, 3.0))
KIDNEY, TUMOUR = 1, 2


def write_tree(folder: Path) -> Path:
    """Write the six cases as a KiTS tree into `folder` and return it."""
    for number in range(len(AXES)):
        image, label = case(number)
        case_dir = folder / f"case_{number:05d}"
        case_dir.mkdir(parents=True)
        nib.save(image, case_dir / "imaging.nii.gz")
        nib.save(label, case_dir / "segmentation.nii.gz")
    return folder


def case(number: int) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Image in HU and label (0, 1 kidney, 2 tumour) of one case, in its own axis order."""
    hu, label = voxels(number)
    affine = np.diag([*SPACINGS[number], 1.0])
    affine[:3, 3] = (-40.0, -30.0 - 5 * number, 100.0)
    return _turned(hu, affine, AXES[number]), _turned(label, affine, AXES[number])


def voxels(number: int) -> tuple[np.ndarray, np.ndarray]:
    """The arrays of one case, axes x, y, z (RAS): int16 HU and uint8 label."""
    rng = np.random.default_rng(number)
    x, y, z = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    body = ((x - 23.5) / 22) ** 2 + ((y - 21.5) / 20) ** 2 < 1
    cx, cy = rng.uniform(16, 30), rng.uniform(16, 27)
    kidney = ((x - cx) / 9) ** 2 + ((y - cy) / 10) ** 2 < 1
    tx, ty = cx + rng.uniform(-5, 5), cy + rng.uniform(-5, 5)
    tumour = ((x - tx) / 5.5) ** 2 + ((y - ty) / 5.5) ** 2 + ((z - 1.5) / 2.2) ** 2 < 1
    hu = np.select([tumour, kidney, body], [330.0, 130.0, 40.0], -1000.0) + rng.normal(0, 15, SHAPE)
    label = np.select([tumour, kidney], [TUMOUR, KIDNEY], 0)
    return hu.astype(np.int16), label.astype(np.uint8)


def _turned(array: np.ndarray, affine: np.ndarray, axes: str) -> nib.Nifti1Image:
    image = nib.Nifti1Image(array, affine)
    return image.as_reoriented(ornt_transform(io_orientation(affine), axcodes2ornt(axes)))
