"""What model cards may show: phantoms, a synthetic mass, held-out patients of public-domain data."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.transforms import KeepLargestConnectedComponent
from PIL import Image
from tqdm import tqdm

from patchseg.data.phantom_ct import ct_phantom
from patchseg.data.phantom_kidney import TUMOUR
from patchseg.data.phantom_mr import mr_phantom
from patchseg.data.shapes_outline import random_outline
from patchseg.data.shapes_texture import smooth_noise, soft
from patchseg.errors import InputError

PHANTOMS = 6
LEVELS = (0.08, 0.3, 0.5, 0.7, 0.92)  # of the slices that show the object, from its lower to its upper end
SEED = 77_000  # of no training and of no other measurement


def tumour_slices(work: Path, organs: Path) -> Path:
    """Slices of CT phantoms with a tumour, in HU."""
    return _phantom_slices(work / "ct_tumours", ct_phantom, lambda label: label == TUMOUR)


def kidney_slices(work: Path, organs: Path) -> Path:
    """Slices of CT phantoms with the larger kidney, its tumours included, in HU."""
    return _phantom_slices(work / "ct_kidneys", ct_phantom, _largest)


def prostate_slices(work: Path, organs: Path) -> Path:
    """Slices of MR phantoms with the prostate."""
    return _phantom_slices(work / "mr_prostates", mr_phantom, lambda label: label > 0)


def sunnybrook(work: Path, organs: Path) -> Path:
    """Slices of the patients that no weights were trained on."""
    folder = organs / "sunnybrook_lv"
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist: write it with benchmarks/organs.py, or name it as --organs.")
    return folder


def mass(work: Path, organs: Path) -> Path:
    """One image with a bright mass in bright tissue: a little like a mammogram, and none."""
    rng, size = np.random.default_rng(SEED), (620, 520)
    outline = random_outline(rng, size, radius=110, centre=(310, 255))
    tissue = sum(weight * smooth_noise(rng, size, grain) for weight, grain in ((14, 90), (10, 24), (6, 6), (4, 1)))
    image = 80 + tissue + 75 * soft(outline.distance + 5 * smooth_noise(rng, size, 12), 26)
    for part, array in (("images", image.clip(0, 255)), ("labels", outline.mask)):
        (work / "mass" / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array.astype(np.uint8)).save(work / "mass" / part / "mass.png")
    return work / "mass"


def _phantom_slices(
    folder: Path,
    phantom: Callable[[int], tuple[np.ndarray, np.ndarray, np.ndarray]],
    wanted: Callable[[np.ndarray], np.ndarray],
) -> Path:
    """Files of one slice each, NIfTI, from near the lower to near the upper end of the object; its label is 1."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for number in tqdm(range(PHANTOMS), desc=folder.name, unit="phantom"):
        image, label, affine = phantom(SEED + number)
        mask = wanted(label).astype(np.uint8)
        scan, reference = (nib.as_closest_canonical(nib.Nifti1Image(a, affine)) for a in (image, mask))
        shown = np.flatnonzero(np.asarray(reference.dataobj).any((0, 1)))
        for k in sorted({int(shown[round((len(shown) - 1) * level)]) for level in LEVELS}):
            name = f"phantom{number}_z{k:03d}.nii.gz"
            nib.save(scan.slicer[:, :, k : k + 1], folder / "images" / name)
            nib.save(reference.slicer[:, :, k : k + 1], folder / "labels" / name)
    return folder


def _largest(label: np.ndarray) -> np.ndarray:
    return np.asarray(KeepLargestConnectedComponent()((label > 0)[None].astype(np.uint8)))[0] > 0
