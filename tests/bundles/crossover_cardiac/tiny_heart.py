"""Four short-axis volumes small enough to train on in seconds: a bright cavity in a grey wall, labelled as ACDC.

Their planes lie askew in the body: the file's third axis points to the patient's left more than to the head.
"""

from pathlib import Path

import nibabel as nib
import numpy as np

SHAPE = (52, 46, 3)
RIGHT, WALL, CAVITY = 1, 2, 3
ASKEW = np.array([[0.3, 0.5, 8.0], [-1.4, 0.2, 4.0], [0.1, -1.35, 3.0]])  # columns: the file's axes in RAS mm


def heart(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and label of one case: 1 right ventricle, 2 myocardium, 3 cavity."""
    rng = np.random.default_rng(number)
    i, j, k = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    middle = rng.uniform(20, 28, 2)
    away = np.hypot(i - middle[0], j - middle[1])
    body = np.hypot((i - 25.5) / 24, (j - 22.5) / 21) < 1
    label = np.select([away < 7 - k / 2, away < 12 - k / 2, np.hypot(i - 8, j - 20) < 5], [CAVITY, WALL, RIGHT], 0)
    tones = np.select([label == CAVITY, label == WALL, body], [900.0, 600.0, 250.0], 0.0)
    return (tones + rng.normal(0, 25, SHAPE)).clip(0).astype(np.int16), label.astype(np.uint8)


def write_tree(folder: Path) -> Path:
    """Write the cases as ACDC into `folder` and return it."""
    folder.mkdir(parents=True)
    affine = np.eye(4)
    affine[:3, :3] = ASKEW
    for number in range(4):
        image, label = heart(number)
        name = f"patient{number:03d}_frame01"
        nib.save(nib.Nifti1Image(image, affine), folder / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(label, affine), folder / f"{name}_gt.nii.gz")
    return folder
