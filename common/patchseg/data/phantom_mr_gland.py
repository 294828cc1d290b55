"""The prostate of the MR phantom: zones, nodules, lesion, urethra, capsule; and the seminal vesicles above it."""

import numpy as np

from patchseg.data.phantom_grid import Grid, around, ellipsoid
from patchseg.data.phantom_mr_pelvis import Gland, grain


def random_gland(rng: np.random.Generator) -> Gland:
    """A prostate of 20 to 90 ml, log-uniform: wider than deep, and rounder the larger it is."""
    volume = float(np.exp(rng.uniform(np.log(22), np.log(85))))  # ml; the outline is not quite an ellipsoid
    width, height = rng.uniform(1.3, 1.6) - 0.002 * volume, rng.uniform(1.05, 1.35)
    depth = (volume * 1000 * 3 / (4 * np.pi * width * height)) ** (1 / 3)
    return Gland(depth, width * depth, height * depth, float(rng.uniform(0.001, 0.006)))


def paint_gland(
    rng: np.random.Generator, image: np.ndarray, grid: Grid, gland: Gland, tones: dict[str, float]
) -> np.ndarray:
    """Paint prostate and seminal vesicles.

    Args:
        rng: the source of all variation.
        image: tones, changed in place.
        grid: where the voxels lie; the prostate is in the middle.
        gland: its size.
        tones: by tissue.

    Returns:
        The whole gland (bool), without the seminal vesicles.
    """
    _paint_vesicles(rng, image, grid, gland, tones)
    box, near = around(grid, (0.0, 0.0, 0.0), max(gland[:3]) * 1.35)
    part = image[box]
    fine, middle = grain(rng, near, 2.2), grain(rng, near, 7)

    # narrow at the apex, hollow at the back, with an outline that is never quite an ellipsoid
    taper = np.clip(1 + 0.3 * near.z / gland.z, 0.7, 1.12)
    y = near.y - gland.hollow * near.x**2 * (near.y > -gland.y) + 0.12 * near.z
    bent = Grid(y + 0.8, near.x, near.z)
    power = rng.uniform(2, 2.6)
    form = (
        np.abs(bent.y / (gland.y * taper)) ** power
        + np.abs(bent.x / (gland.x * taper)) ** power
        + np.abs(bent.z / gland.z) ** power
    ) ** (1 / power) + rng.uniform(0.02, 0.05) * grain(rng, near, 16)
    whole = form < 1

    health = rng.uniform(0.55, 1.1)  # inflammation darkens the peripheral zone
    peripheral = tones["peripheral"] * health * (1 + 0.1 * fine + 0.1 * middle)
    peripheral *= np.clip(np.abs(middle + 0.5 * fine) / 0.25, 0.7, 1)  # ducts and septa
    part[whole] = peripheral[whole]
    _paint_lesion(rng, part, near, gland, tones, whole)
    central = _paint_transition(rng, part, bent, gland, tones, whole, fine, middle)
    _paint_front(rng, part, bent, gland, tones, whole)
    urethra = ellipsoid(bent, (0.15 * gland.y, 0, 0), (2.2, 2.8, 1e4))
    part[(urethra < 1) & whole & (near.z < 0.3 * gland.z)] = tones["peripheral"] * rng.uniform(0.6, 1.2)
    rind = (form > 1 - rng.uniform(0.4, 1.3) / gland.y) & whole & ~central
    if rng.random() < 0.75:
        part[rind] = tones["capsule"] * rng.uniform(1, 1.8)
    mask = np.zeros(image.shape, dtype=bool)
    mask[box] = whole
    return mask


def _paint_transition(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    gland: Gland,
    tones: dict[str, float],
    whole: np.ndarray,
    fine: np.ndarray,
    middle: np.ndarray,
) -> np.ndarray:
    """The transition zone with its nodules, larger in larger glands; returns where it is."""
    share = float(np.clip(0.5 + 0.008 * gland.y + rng.normal(0, 0.05), 0.45, 0.85))
    form = ellipsoid(
        grid, (-0.25 * gland.y, 0, 0.18 * gland.z), (share * gland.y, share * gland.x, share * 1.05 * gland.z)
    )
    form = form + 0.06 * middle
    here = (form < 1) & whole
    tone = tones["transition"] * (1 + 0.18 * fine + 0.22 * middle)
    image[here] = tone[here]
    for _ in range(int(rng.integers(2, 4 + gland.y / 3))):
        centre = rng.uniform(-0.75, 0.75, 3) * share * np.array(gland[:3]) + (-0.25 * gland.y, 0, 0.18 * gland.z)
        size = rng.uniform(0.12, 0.35) * gland.y
        nodule = ellipsoid(grid, tuple(centre), tuple(size * rng.uniform(0.8, 1.3, 3))) + 0.08 * fine
        value = rng.choice([tones["stroma"], tones["transition"] * 1.2, tones["peripheral"]])
        image[(nodule < 1) & here] = tones["capsule"]
        image[(nodule < 0.86) & here] = value * rng.uniform(0.85, 1.15)
    image[(np.abs(form - 1) < 0.8 / gland.y) & whole] = tones["capsule"] * 1.2  # the surgical capsule
    return here


def _paint_front(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    gland: Gland,
    tones: dict[str, float],
    whole: np.ndarray,
) -> None:
    """The anterior fibromuscular stroma: as dark as the muscles, so that the front boundary nearly vanishes."""
    form = ellipsoid(
        grid, (-gland.y, 0, 0), (rng.uniform(0.25, 0.5) * gland.y, rng.uniform(0.3, 0.6) * gland.x, 1.1 * gland.z)
    )
    image[(form < 1) & whole] = tones["stroma"]


def _paint_lesion(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    gland: Gland,
    tones: dict[str, float],
    whole: np.ndarray,
) -> None:
    """A dark lesion in the peripheral zone of half the patients."""
    if rng.random() < 0.5:
        side = rng.choice([-1, 1])
        centre = (rng.uniform(0.4, 0.9) * gland.y, side * rng.uniform(0.2, 0.8) * gland.x, rng.uniform(-15, 10))
        lesion = ellipsoid(grid, centre, tuple(rng.uniform(3, 9, 3))) < 1
        image[lesion & whole] = tones["stroma"] * rng.uniform(1, 1.6)


def _paint_vesicles(
    rng: np.random.Generator, image: np.ndarray, grid: Grid, gland: Gland, tones: dict[str, float]
) -> None:
    """Two bright, wound tubes behind the bladder, touching the base of the prostate."""
    tubes = np.abs(grain(rng, grid, 4.5))
    for side in (-1, 1):
        reach = rng.uniform(15, 22)
        centre = (
            gland.y * 0.55 + 0.15 * grid.z,
            side * (4 + 0.75 * reach),
            gland.z * 0.85 + 0.25 * np.abs(grid.x) + 4,
        )
        form = ellipsoid(grid, centre, (rng.uniform(5, 8), reach, rng.uniform(6, 9)))
        here = form < 1
        image[here] = np.where(tubes > 0.3, tones["seminal"], tones["wall"])[here]
