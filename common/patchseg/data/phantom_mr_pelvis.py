"""The male pelvis of the MR phantom without the prostate: fat, muscles, bones, bladder, rectum, vessels.

Positions are (y, x, z) in mm from the middle of the prostate: y runs to posterior, x to the patient's left, z to
superior. Tones are those of a T2-weighted turbo spin echo, 1 for fat.
"""

from typing import NamedTuple

import numpy as np

from patchseg.data.phantom_grid import Grid, around, ellipsoid
from patchseg.data.shapes_texture import splines

TONES = {
    "fat": 1.0,
    "muscle": 0.2,
    "marrow": 0.62,
    "bone": 0.05,
    "cartilage": 0.3,
    "urine": 1.35,
    "wall": 0.33,
    "gas": 0.03,
    "stool": 0.45,
    "vessel": 0.85,
    "peripheral": 0.95,
    "transition": 0.48,
    "stroma": 0.24,
    "capsule": 0.22,
    "seminal": 1.05,
}


class Gland(NamedTuple):
    """Half axes of the prostate in mm, and how far its back is hollowed by the rectum (1/mm)."""

    y: float
    x: float
    z: float
    hollow: float


def random_tones(rng: np.random.Generator) -> dict[str, float]:
    """T2 tones of one patient on one scanner: each of `TONES` times a factor of its own."""
    tones = {name: tone * float(np.exp(rng.normal(0, 0.13))) for name, tone in TONES.items()}
    return tones | {"fat": float(rng.uniform(0.55, 1.15))}  # bright or suppressed, as the sequence is set


def grain(rng: np.random.Generator, grid: Grid, size: float) -> np.ndarray:
    """Noise of mean 0 and standard deviation about 1 whose grains are about `size` mm wide (float32)."""
    rows, columns, slices = (splines(n, size / mm) for n, mm in zip(grid.shape, grid.spacing, strict=True))
    coarse = rng.standard_normal([w.shape[1] for w in (slices, rows, columns)], dtype=np.float32)
    return np.tensordot(rows @ coarse @ columns.T, slices, axes=(0, 1))


def paint_pelvis(rng: np.random.Generator, grid: Grid, gland: Gland, tones: dict[str, float]) -> np.ndarray:
    """Everything but the prostate and its seminal vesicles, as tones (float32)."""
    fine, middle = grain(rng, grid, 3), grain(rng, grid, 12)
    image = np.zeros(grid.shape, dtype=np.float32)
    width, depth = rng.uniform(160, 195), rng.uniform(98, 120)
    body = ellipsoid(grid, (8, 0, 0), (depth, width, 1e4)) + 0 * grid.z
    image[body < 1] = 0.5 * tones["fat"]  # skin
    inside = body < 0.98
    septa = np.clip(np.abs(middle + 0.3 * fine) / 0.12, 0.55, 1)  # thin dark strands through the fat
    image[inside] = (tones["fat"] * septa * (1 + 0.06 * fine))[inside]
    muscle = tones["muscle"] * (1 + 0.12 * fine + 0.1 * middle)
    _paint_wall(rng, image, grid, gland, muscle, inside)
    _paint_bones(rng, image, grid, tones, muscle, fine)
    _paint_plexus(rng, image, grid, gland, tones, middle)
    _paint_rectum(rng, image, grid, gland, tones, fine)
    _paint_levator(rng, image, grid, gland, muscle)
    _paint_bladder(rng, image, grid, gland, tones)
    _paint_bundles(rng, image, grid, gland, tones)
    return image


def _paint_wall(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    gland: Gland,
    muscle: np.ndarray,
    inside: np.ndarray,
) -> None:
    """Obturator internus and gluteus maximus on both sides, and the muscles in front of the pubis."""
    away, thick = gland.x + rng.uniform(17, 25), rng.uniform(10, 16)
    for side in (-1, 1):
        lean = 0.12 * (grid.y + grid.z)  # the obturators draw together towards the front and the feet
        obturator = ellipsoid(grid, (-5, side * (away + lean), -5), (rng.uniform(40, 52), thick, 60))
        gluteus = ellipsoid(grid, (88 - 0.35 * np.abs(grid.x), side * 62, 0), (17, 58, 1e4))
        front = ellipsoid(grid, (-76, side * rng.uniform(26, 40), 0), (14, 34, 1e4))
        for form in (obturator, gluteus, front):
            here = (form < 1) & inside
            image[here] = muscle[here]


def _paint_bones(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    tones: dict[str, float],
    muscle: np.ndarray,
    fine: np.ndarray,
) -> None:
    """Pubic bones with their symphysis, ischium or acetabulum, femora, coccyx: marrow in a dark rind."""
    marrow = tones["marrow"] * (1 + 0.1 * fine)
    pubis_z = rng.uniform(-28, -12)
    forms = [ellipsoid(grid, (84 - 0.3 * grid.z, 0, 0), (7, 11, 1e4))]
    for side in (-1, 1):
        ramus = side * (24 - 0.35 * (grid.y + 48))
        forms.append(ellipsoid(grid, (-48, ramus, pubis_z), (13, 19, 30)))
        forms.append(ellipsoid(grid, (12, side * (76 + 0.1 * grid.z), 0), (30, 13, 1e4)))
        forms.append(ellipsoid(grid, (-8, side * 112, 18), (25, 25, 26)))
    for form in forms:
        image[form < 1] = tones["bone"]
        here = form < 0.88
        image[here] = marrow[here]
    joint = (np.abs(grid.x) < 3.5) & (np.abs(grid.y + 48) < 13) & (np.abs(grid.z - pubis_z) < 24)
    image[joint] = tones["cartilage"]


def _paint_plexus(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    gland: Gland,
    tones: dict[str, float],
    middle: np.ndarray,
) -> None:
    """Veins and fat around the prostate, densest in front of it: bright and dark in small patches."""
    space = ellipsoid(grid, (-6, 0, 2), (gland.y + 12, gland.x + 9, gland.z + 12)) < 1
    patches = grain(rng, grid, 4.5) + 0.4 * middle
    tone = np.where(patches > 0.3, tones["vessel"], np.where(patches > -0.4, tones["wall"] * 1.3, tones["fat"]))
    image[space] = tone[space]


def _paint_rectum(
    rng: np.random.Generator,
    image: np.ndarray,
    grid: Grid,
    gland: Gland,
    tones: dict[str, float],
    fine: np.ndarray,
) -> None:
    """A tube behind the prostate that curves backwards above it, filled with gas, stool, gel or folded."""
    content = rng.choice(["gas", "stool", "gel", "folded"], p=[0.3, 0.3, 0.15, 0.25])
    size = rng.uniform(7, 11) if content == "folded" else rng.uniform(10, 17)
    narrow = np.clip(1 + 0.018 * (grid.z + 0.6 * gland.z), 0.45, 1)  # the anal canal
    back = gland.y - 1 + size * narrow + 0.012 * np.clip(grid.z, 0, None) ** 2
    form = ellipsoid(
        grid, (back, rng.uniform(-5, 5), 0), (size * narrow, size * rng.uniform(1, 1.35) * narrow, 1e4)
    )
    form = form + 0.05 * fine * (content == "folded") + 0.08 * grain(rng, grid, 14)
    image[form < 1 + 3 / size] = 0.8 * tones["fat"]
    image[form < 1] = tones["wall"]
    lumen = form < 1 - rng.uniform(2.2, 3.8) / size
    if content == "gas":
        image[lumen] = tones["gas"]
    elif content == "gel":
        image[lumen] = tones["urine"] * 0.9
    elif content == "stool":
        image[lumen] = np.clip(tones["stool"] * (1 + 0.5 * fine), 0.03, None)[lumen]
    else:
        image[lumen] = np.where(np.abs(fine) < 0.4, tones["wall"], 0.9 * tones["fat"])[lumen]


def _paint_levator(
    rng: np.random.Generator, image: np.ndarray, grid: Grid, gland: Gland, muscle: np.ndarray
) -> None:
    """The sling of muscle on both sides of apex and rectum, which opens towards the head."""
    form = ellipsoid(
        grid, (12, 0, 0), (gland.y + rng.uniform(22, 34), gland.x + 4 + np.clip(0.45 * (grid.z + 5), -5, 40), 1e4)
    )
    sling = (np.abs(form - 1) < rng.uniform(1.8, 3) / (gland.x + 4)) & (grid.y > -gland.y * 0.8)
    sling &= grid.z < gland.z + 5
    image[sling] = muscle[sling]


def _paint_bladder(
    rng: np.random.Generator, image: np.ndarray, grid: Grid, gland: Gland, tones: dict[str, float]
) -> None:
    """Urine in a dark wall, above and in front of the prostate, which may bulge into it."""
    height, wall = rng.uniform(22, 40), rng.uniform(2.5, 6)
    centre = (rng.uniform(-22, -8), rng.uniform(-4, 4), gland.z + height - rng.uniform(3, 9))
    radii = rng.uniform(24, 36), rng.uniform(32, 52), height
    bladder = ellipsoid(grid, centre, radii) + 0.04 * grain(rng, grid, 30)
    image[bladder < 1 + wall / height] = tones["wall"]
    image[bladder < 1] = tones["urine"]


def _paint_bundles(
    rng: np.random.Generator, image: np.ndarray, grid: Grid, gland: Gland, tones: dict[str, float]
) -> None:
    """The neurovascular bundles at five and seven o'clock: a few small vessels in fat, dark or bright."""
    for side in (-1, 1):
        for _ in range(5):
            centre = (gland.y * rng.uniform(0.6, 1.05), side * gland.x * rng.uniform(0.7, 1.0), 0)
            box, near = around(grid, centre, 12)
            box, near = (*box[:2], slice(None)), Grid(near.y, near.x, grid.z)
            run = centre[1] + rng.uniform(-0.15, 0.15) * near.z
            vessel = ellipsoid(near, (centre[0], run, 0), (rng.uniform(0.8, 1.7), rng.uniform(0.8, 1.7), 1e4)) < 1
            part = image[box]
            part[vessel] = rng.choice([tones["vessel"] * 1.2, tones["gas"] * 3])
