"""The built-in CT phantom: an abdomen with kidney tumours, in HU, for demos and tests without patient data.

    python -m patchseg.data.phantom_ct --folder data/phantom --cases 12

Anatomy, contrast phase, tumour texture, spacing and axis order vary with the seed; the same seed gives the same
bytes. Tumours share their HU with liver, muscle, bowel and kidney, so that no threshold finds them.
"""

import os
import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from patchseg.data.phantom_body import PHASES, paint_body
from patchseg.data.phantom_grid import make_grid, turned
from patchseg.data.phantom_kidney import TUMOUR, paint_kidneys
from patchseg.errors import InputError

AXES = ("IPL", "RAS", "LPS", "PLS", "LPS")  # IPL is KiTS's slice, row, column
TILT = (0.0, 0.0, 0.0, 0.0, 6.0)  # degrees, of the same: the last is oblique
HU_RANGE = (-1024, 3071)


def ct_phantom(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One abdominal CT with kidney tumours.

    Args:
        seed: chooses everything; `seed % 5` chooses the axis order (IPL, RAS, LPS, PLS, oblique LPS).

    Returns:
        Image (int16, HU); label (uint8: 0 background, 1 kidney, 2 tumour); the 4x4 affine of both, from voxel
        index to RAS in mm, which says their axis order. 1.4 to 1.9 mm in plane, 3 to 6 mm between slices.

    >>> image, label, affine = ct_phantom(0)
    >>> image.dtype.name, label.dtype.name, nib.aff2axcodes(affine)
    ('int16', 'uint8', ('I', 'P', 'L'))
    >>> np.unique(label).tolist()
    [0, 1, 2]
    """
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.93, 1.07)
    field = 330 * size + rng.uniform(0, 16)  # mm; the body is 310 * size wide
    matrix = int(rng.integers(max(176, np.ceil(field / 1.9)), min(224, field // 1.45) + 1))
    thickness = rng.uniform(3, 6)
    slices = int(np.clip(round(rng.uniform(115, 135) / thickness), 20, 36))
    pixel = field / matrix
    grid = make_grid((matrix, matrix, slices), (pixel, pixel, thickness))
    phase = PHASES[rng.choice(list(PHASES), p=[0.45, 0.4, 0.15])]

    hu, free = paint_body(rng, grid, size, phase)
    label = paint_kidneys(rng, hu, grid, size, phase, free)
    image = _scanned(rng, hu, pixel)
    affine = np.array([[0, -pixel, 0, 0], [-pixel, 0, 0, 0], [0, 0, thickness, 0], [0, 0, 0, 1.0]])
    affine[:3, 3] = np.array([field / 2, field / 2, -600]) + rng.uniform(-40, 40, 3)
    return turned(image, label, affine, AXES[seed % len(AXES)], TILT[seed % len(TILT)])


def write_ct_phantoms(folder: str | Path, cases: int = 12, seed: int = 0, workers: int = 1) -> None:
    """Write phantoms in KiTS layout: `case_00000/imaging.nii.gz` and `segmentation.nii.gz`, and so on.

    A case appears whole or not at all, and cases that are there already are left as they are, so an
    interrupted run is taken up by starting it again.

    Args:
        folder: where to; made if it is missing.
        cases: how many.
        seed: another seed gives other patients.
        workers: processes that paint; the phantoms are the same with any number.

    Raises:
        InputError: fewer than one case or worker, a negative seed, or a folder that is a file.
    """
    folder = Path(folder).expanduser()
    if cases < 1 or seed < 0 or workers < 1:
        raise InputError(
            f"cases is {cases}, seed {seed} and workers {workers}; "
            "give at least 1 case, 1 worker and a seed of 0 or more."
        )
    if folder.is_file():
        raise InputError(f"{folder} is a file; give a folder for the phantoms.")
    folder.mkdir(parents=True, exist_ok=True)
    missing = {folder / f"case_{number:05d}": 1000 * seed + number for number in range(cases)}
    missing = {case: own_seed for case, own_seed in missing.items() if not case.exists()}
    with ProcessPoolExecutor(workers) as pool:
        written = (pool.map if workers > 1 else map)(_write_case, missing.keys(), missing.values())
        for _ in tqdm(written, desc=f"phantoms in {folder}", total=len(missing), unit="case"):
            pass


def best_threshold_dsc(scans: Iterable[tuple[np.ndarray, np.ndarray]], value: int = TUMOUR) -> float:
    """The mean Dice score that the best HU window, one for all scans, reaches: what a network has to beat.

    Args:
        scans: pairs of image (HU) and label of equal shape.
        value: the label value to find.

    Returns:
        Mean over the scans of the Dice score, 0..1, for the best of all windows in steps of 4 HU.

    >>> hu, label = np.array([-1000, 40, 40, 60]), np.array([0, 0, 2, 2])
    >>> round(best_threshold_dsc([(hu, label)]), 2)
    0.8
    """
    edges = np.arange(-204, 605, 4)
    total, count = 0.0, 0
    for image, label in scans:
        hits = label == value
        everything = np.append(0, np.cumsum(np.histogram(image, edges)[0]))
        wanted = np.append(0, np.cumsum(np.histogram(image[hits], edges)[0]))
        taken = everything[None, :] - everything[:, None]  # voxels between edge i and edge j
        right = wanted[None, :] - wanted[:, None]
        total = total + np.triu(2 * right / np.maximum(taken + hits.sum(), 1))
        count += 1
    return float(np.max(total) / count)


def _scanned(rng: np.random.Generator, hu: np.ndarray, pixel: float) -> np.ndarray:
    """What a scanner makes of it: blur, partial volume, dark bands between bones, correlated noise; int16."""
    blurred = gaussian_filter(hu, (0.9 / pixel, 0.9 / pixel, 0.35), truncate=3)
    bone = gaussian_filter((hu > 250).astype(np.float32), (9, 9, 0.5), truncate=2.5)
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    noise = gaussian_filter(noise, (0.75, 0.75, 0), truncate=3)
    noise *= rng.uniform(8, 15) / noise.std()
    image = blurred + np.where(blurred > -500, noise - 30 * bone, noise * 0.6)
    return np.clip(np.rint(image), *HU_RANGE).astype(np.int16)


def _write_case(case: Path, seed: int) -> None:
    image, label, affine = ct_phantom(seed)
    partial = Path(tempfile.mkdtemp(prefix=f".{case.name}_", dir=case.parent))
    try:
        for array, name in ((image, "imaging.nii.gz"), (label, "segmentation.nii.gz")):
            nifti = nib.Nifti1Image(array, affine)
            nifti.header.set_xyzt_units("mm")
            nib.save(nifti, partial / name)
        partial.chmod(0o755)  # mkdtemp's folders are private
        os.rename(partial, case)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


if __name__ == "__main__":
    import fire

    fire.Fire(write_ct_phantoms)
