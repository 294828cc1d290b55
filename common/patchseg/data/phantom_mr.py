"""The built-in MR phantom: male pelvises on T2 with a prostate, for demos and tests without patient data.

    python -m patchseg.data.phantom_mr --folder data/phantom_mr --cases 12

Anatomy, tones, coil shading, noise, spacing and axis order vary with the seed; the same seed gives the same bytes.
The gland's zones share their tones with bladder, fat, muscle and bowel, so that no threshold finds it.
"""

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from tqdm import tqdm

from patchseg.data.phantom_grid import Grid, make_grid, turned
from patchseg.data.phantom_mr_gland import paint_gland, random_gland
from patchseg.data.phantom_mr_pelvis import grain, paint_pelvis, random_tones
from patchseg.errors import InputError

AXES = ("LPS", "LPS", "RAS", "LPI", "PLS")
TILT = (0.0, 14.0, 0.0, -9.0, 0.0)  # degrees about the left-right axis, of the same: two of five are oblique


def mr_phantom(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One T2-weighted axial scan of a prostate.

    Args:
        seed: chooses everything; `seed % 5` chooses the axis order (LPS, oblique LPS, RAS, oblique LPI, PLS).

    Returns:
        Image (int16, 0 to about 300..1500 in the unit of the case); label (uint8: 1 is the whole gland of 20 to
        90 ml); the 4x4 affine of both, from voxel index to RAS in mm, which says their axis order. 0.4 to 0.8 mm
        in plane, 2.5 to 4 mm between slices.

    >>> image, label, affine = mr_phantom(0)
    >>> image.dtype.name, label.dtype.name, np.unique(label).tolist()
    ('int16', 'uint8', [0, 1])
    """
    rng = np.random.default_rng(seed)
    pixel, thickness = rng.uniform(0.4, 0.8), rng.uniform(2.5, 4)
    matrix = int(np.clip(round(rng.uniform(130, 210) / pixel), 208, 288))
    gland = random_gland(rng)
    slices = int(np.clip(np.ceil((2 * gland.z + rng.uniform(15, 35)) / thickness), 14, 30))
    grid = make_grid((matrix, matrix, slices), (pixel, pixel, thickness))
    away = rng.uniform(-8, 8, 3) * (1, 0.7, 0.4)
    grid = Grid(*(axis + np.float32(mm) for axis, mm in zip(grid, away, strict=True)))

    tones = random_tones(rng)
    image = paint_pelvis(rng, grid, gland, tones)
    label = paint_gland(rng, image, grid, gland, tones)
    image, label = _deformed(rng, image, label, grid)
    image = _scanned(rng, image, grid)
    middle = pixel * (matrix - 1) / 2
    affine = np.array([[0, -pixel, 0, middle], [-pixel, 0, 0, middle], [0, 0, thickness, 0], [0, 0, 0, 1.0]])
    affine[:3, 3] += rng.uniform(-30, 30, 3)
    return turned(image, label, affine, AXES[seed % len(AXES)], TILT[seed % len(TILT)])


def write_mr_phantoms(folder: str | Path, cases: int = 12, seed: int = 0) -> None:
    """Write phantoms in PROMISE12 layout: `Case00.mhd` and `Case00_segmentation.mhd` (with .zraw), and so on.

    The header of a case's image comes last, and cases that have it are left as they are, so an interrupted run
    is taken up by starting it again.

    Args:
        folder: where to; made if it is missing.
        cases: how many.
        seed: another seed gives other patients.

    Raises:
        InputError: fewer than one case, a negative seed, or a folder that is a file.
    """
    folder = Path(folder).expanduser()
    if cases < 1 or seed < 0:
        raise InputError(f"cases is {cases} and seed {seed}; give at least 1 case and a seed of 0 or more.")
    if folder.is_file():
        raise InputError(f"{folder} is a file; give a folder for the phantoms.")
    folder.mkdir(parents=True, exist_ok=True)
    for number in tqdm(range(cases), desc=f"phantoms in {folder}", unit="case"):
        if not (folder / f"Case{number:02d}.mhd").exists():
            _write_case(folder, f"Case{number:02d}", 1000 * seed + number)


def _deformed(
    rng: np.random.Generator, image: np.ndarray, label: np.ndarray, grid: Grid
) -> tuple[np.ndarray, np.ndarray]:
    """The same anatomy with every border bent by a few mm within the slices, which ends all symmetry."""
    amount, size = rng.uniform(0.8, 2.2), rng.uniform(25, 50)  # mm
    shift = [amount / mm * grain(rng, grid, size) for mm in grid.spacing[:2]]
    bent_image, bent_label = np.empty_like(image), np.empty(label.shape, dtype=np.uint8)
    rows, columns = np.indices(label.shape[:2], dtype=np.float32)
    for k in range(label.shape[2]):
        place = [rows + shift[0][..., k], columns + shift[1][..., k]]
        bent_image[..., k] = map_coordinates(image[..., k], place, order=1, mode="nearest")
        bent_label[..., k] = map_coordinates(label[..., k].astype(np.float32), place, order=1) > 0.5
    return bent_image, bent_label


def _scanned(rng: np.random.Generator, tones: np.ndarray, grid: Grid) -> np.ndarray:
    """What a scanner makes of it: partial volume, blur, coil shading, Rician noise; int16."""
    image = gaussian_filter(tones, (rng.uniform(0.5, 1), rng.uniform(0.5, 1), 0.35), truncate=3)
    shading = np.exp(rng.uniform(0.08, 0.25) * grain(rng, grid, 160))
    if rng.random() < 0.2:  # a coil in the rectum sees what is near it
        away = (grid.y - 35) ** 2 + grid.x**2 + 0.3 * grid.z**2
        shading *= 0.35 + 3 / (1 + away / rng.uniform(500, 1500))
    else:  # the coils on skin and table: brighter towards the outside
        shading *= 1 + rng.uniform(0, 4e-5) * (grid.x**2 + grid.y**2)
    image *= shading
    level = rng.uniform(0.015, 0.06)
    noise = (level * rng.standard_normal((2, *grid.shape), dtype=np.float32)).astype(np.float32)
    image = np.hypot(image + noise[0], noise[1])
    scale = np.exp(rng.uniform(np.log(200), np.log(900)))
    return np.rint(np.clip(image * scale, 0, 4095)).astype(np.int16)


def _write_case(folder: Path, name: str, seed: int) -> None:
    import itk  # takes a second, which only writing needs

    image, label, affine = mr_phantom(seed)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # ITK's world axes
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    partial = Path(tempfile.mkdtemp(prefix=f".{name}_", dir=folder))
    try:
        for array, stem in ((image, name), (label, f"{name}_segmentation")):
            picture = itk.image_from_array(np.ascontiguousarray(array.T))
            picture.SetSpacing(spacing.tolist())
            picture.SetOrigin(lps[:3, 3].tolist())
            picture.SetDirection(itk.matrix_from_array(np.ascontiguousarray(lps[:3, :3] / spacing)))
            itk.imwrite(picture, str(partial / f"{stem}.mhd"), compression=True)
        for ending in ("_segmentation.zraw", ".zraw", "_segmentation.mhd", ".mhd"):
            os.replace(partial / f"{name}{ending}", folder / f"{name}{ending}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)


if __name__ == "__main__":
    import fire

    fire.Fire(write_mr_phantoms)
