"""The kidneys of the CT phantom, their cysts and their tumours, painted into a body in HU."""

import numpy as np

from patchseg.data.phantom_body import FAT, WATER, Phase
from patchseg.data.phantom_grid import Grid, around, ellipsoid, smooth_noise

KIDNEY, TUMOUR = 1, 2
HALF_LENGTH = 53.0  # mm, of a kidney from its middle to a pole
MEDIAL_EDGE = 34.0  # mm from the midline: spine and great vessels stay free
TEXTURES = ("homogeneous", "heterogeneous", "necrotic", "cystic", "rim")
TEXTURE_SHARE = (0.1, 0.42, 0.28, 0.05, 0.15)


def paint_kidneys(
    rng: np.random.Generator, hu: np.ndarray, grid: Grid, size: float, phase: Phase, free: np.ndarray
) -> np.ndarray:
    """Paint both kidneys with one or two tumours and perhaps cysts.

    Args:
        rng: the source of all variation.
        hu: the body in HU, changed in place.
        grid: where its voxels lie.
        size: scale of the body; 1 is 310 mm wide.
        phase: HU of the enhancing tissues.
        free: where organs may lie.

    Returns:
        Labels (uint8): 0 background (cysts too), 1 kidney, 2 tumour.
    """
    label = np.zeros(grid.shape, dtype=np.uint8)
    free = free & (np.abs(grid.x) > MEDIAL_EDGE * size)
    right = (rng.uniform(20, 30) * size, -rng.uniform(66, 72) * size, rng.uniform(-22, -6))
    left = (rng.uniform(20, 30) * size, rng.uniform(66, 72) * size, rng.uniform(-12, 4))
    for centre in (right, left):
        _paint_kidney(rng, hu, label, grid, centre, phase, free)
    for centre in (right, left):
        for _ in range(int(rng.choice(3, p=[0.6, 0.3, 0.1]))):
            _paint_cyst(rng, hu, label, grid, centre, free)
    count = 1 if rng.random() < 0.75 else 2
    side = int(rng.integers(2))
    for n in range(count):
        radius = float(np.clip(np.exp(rng.normal(np.log(26 if n == 0 else 16), 0.32)), 8, 45))
        _paint_tumour(rng, hu, label, grid, (right, left)[(side + n) % 2], radius, phase, free)
    return label


def _paint_kidney(
    rng: np.random.Generator,
    hu: np.ndarray,
    label: np.ndarray,
    grid: Grid,
    centre: tuple[float, float, float],
    phase: Phase,
    free: np.ndarray,
) -> None:
    _paint_renal_vessels(hu, grid, centre, phase, free)
    box, near = around(grid, centre, 78)
    hilum, across = _renal_axes(near, centre)
    height = near.z - centre[2]
    polar = Grid(hilum, across, height)  # the kidney's own axes, towards the hilum first
    radii = (rng.uniform(22, 25), rng.uniform(27, 31), HALF_LENGTH * rng.uniform(0.93, 1.06))
    shell = ellipsoid(polar, (0, 0, 0), radii) / (1 + 0.05 * smooth_noise(rng, near, 28))

    region, part, may = hu[box], label[box], free[box]
    region[(shell < 1.34) & may] = FAT
    kidney = (shell < 1) & may
    sinus = ellipsoid(polar, (15, 0, 0), (17, 10, 29)) < 1
    spokes = np.sin(6 * np.arctan2(across, hilum - 8) + height / 7)
    pyramids = (shell < 0.76) & (spokes > -0.35)
    region[kidney] = phase.cortex
    region[kidney & pyramids] = phase.medulla
    region[kidney & sinus] = -75
    pelvis = ellipsoid(polar, (17, 0, -2), (13, 5.5, 11)) < 1
    calyces = (ellipsoid(polar, (6, 0, 0), (6, 9, 24)) < 1) & (np.sin(height / 4.5) > 0.35)
    region[(pelvis | calyces) & (shell < 1.2) & may] = phase.pelvis
    part[kidney & ~(sinus & ~pelvis & ~calyces)] = KIDNEY


def _renal_axes(grid: Grid, centre: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Distances in mm towards the hilum (medial, somewhat anterior) and across; the upper pole leans inwards."""
    side = np.sign(centre[1])
    height = grid.z - centre[2]
    y = grid.y - centre[0] - 0.12 * height
    x = (grid.x - centre[1]) * side + 0.16 * height  # towards the flank
    return -0.82 * x - 0.57 * y, -0.57 * x + 0.82 * y


def _paint_renal_vessels(
    hu: np.ndarray, grid: Grid, centre: tuple[float, float, float], phase: Phase, free: np.ndarray
) -> None:
    for start_y, height, radius, value in ((14.0, 3.0, 5.0, phase.cava), (21.0, -3.0, 3.0, phase.aorta)):
        share = np.clip(np.abs(grid.x) / abs(centre[1]), 0, 1)  # from the midline to the kidney
        course = start_y + share**2 * (centre[0] - start_y)
        tube = ellipsoid(grid, (course, grid.x, centre[2] + height), (radius, 1, radius)) < 1
        towards = (grid.x * np.sign(centre[1]) > 16) & (np.abs(grid.x) < abs(centre[1]) - 8)
        hu[tube & towards & ((hu < -60) | free)] = value


def _paint_cyst(
    rng: np.random.Generator,
    hu: np.ndarray,
    label: np.ndarray,
    grid: Grid,
    kidney: tuple[float, float, float],
    free: np.ndarray,
) -> None:
    radius = rng.uniform(5, 12)
    centre = _on_kidney(rng, kidney, outwards=rng.uniform(-0.2, 0.6) * radius)
    box, near = around(grid, centre, radius + 6)
    cyst = (ellipsoid(near, centre, (radius, radius, radius)) < 1) & free[box]
    hu[box][cyst] = WATER
    label[box][cyst] = 0


def _paint_tumour(
    rng: np.random.Generator,
    hu: np.ndarray,
    label: np.ndarray,
    grid: Grid,
    kidney: tuple[float, float, float],
    radius: float,
    phase: Phase,
    free: np.ndarray,
) -> None:
    best = None
    for _ in range(12):  # until most of it fits between wall and spine
        centre = _on_kidney(rng, kidney, outwards=rng.uniform(-0.35, 0.35) * radius)
        box, near = around(grid, centre, 1.5 * radius + 8)
        radii = radius * rng.uniform(0.86, 1.16, 3)
        shell = ellipsoid(near, centre, tuple(radii))
        fits = float((free[box] & (shell < 1)).sum()) * np.prod(grid.spacing) / (4.19 * np.prod(radii))
        if best is None or fits > best[0]:
            best = fits, box, near, shell
        if fits > 0.85:
            break
    _, box, near, shell = best
    shell = shell / (1 + 0.09 * smooth_noise(rng, near, 0.9 * radius))
    region, part, may = hu[box], label[box], free[box]
    halo = (shell < 1 + 5 / radius) & may & (part == 0)
    region[halo] = FAT  # pushed aside, as perirenal fat is
    tumour = (shell < 1) & may
    region[tumour] = _tumour_hu(rng, near, shell, radius, phase)[tumour]
    part[tumour] = TUMOUR


def _tumour_hu(rng: np.random.Generator, grid: Grid, shell: np.ndarray, radius: float, phase: Phase) -> np.ndarray:
    """HU of one tumour in one of five textures; `shell` is 0 in its middle and 1 on its surface."""
    base = phase.tumour + rng.normal(0, 8)
    grain = smooth_noise(rng, grid, 8)
    texture = rng.choice(TEXTURES, p=TEXTURE_SHARE)
    if texture == "homogeneous":
        return base + 12 * grain
    if texture == "heterogeneous":
        return base + 34 * grain
    if texture == "necrotic":
        core = shell + 0.12 * smooth_noise(rng, grid, 12) < rng.uniform(0.5, 0.7)
        return np.where(core, 20 + 5 * grain, base + 14 + 20 * grain)
    if texture == "cystic":
        septa = np.abs(np.sin((grid.y + 0.6 * grid.x + 3 * smooth_noise(rng, grid, 25)) / (0.3 * radius))) < 0.25
        return np.where((shell > 0.78) | septa, base + 10, 22.0) + 4 * grain
    return np.where(shell > 1 - 5 / radius, base + 40, base - 18) + 14 * grain


def _on_kidney(
    rng: np.random.Generator, kidney: tuple[float, float, float], outwards: float
) -> tuple[float, float, float]:
    """A point `outwards` mm off a kidney's surface, at its front, flank or back (not towards the spine)."""
    side = np.sign(kidney[1])
    angle, height = rng.uniform(-1.5, 0.8), rng.uniform(-0.65, 0.65)
    reach = 25 * np.sqrt(1 - height**2) + outwards
    y = kidney[0] + 0.12 * HALF_LENGTH * height + reach * np.sin(angle)
    x = kidney[1] + side * (reach * np.cos(angle) - 0.16 * HALF_LENGTH * height)
    return float(y), float(x), float(kidney[2] + HALF_LENGTH * height)
