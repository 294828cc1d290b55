"""What lies inside and around a synthetic object: zones, rims, vessels; regions, neighbours, rings, fat lines.

Tones are about 0 (black) to 1 (white); arrays are (rows, columns), float32.
"""

import numpy as np

from patchseg.data.shapes_outline import Outline
from patchseg.data.shapes_texture import blend, smooth_noise, soft, texture


def paint_object(rng: np.random.Generator, outline: Outline, tone: float, contrast: float) -> np.ndarray:
    """Tones of the object as if it filled the slice; its parts differ by about `contrast`, more or less.

    Args:
        rng: the source of all variation.
        outline: the object.
        tone: its mean tone.
        contrast: how far it differs from what is around it.
    """
    size = outline.mask.shape
    variety = np.sqrt(contrast) * rng.choice([0.08, 0.35, 0.7], p=[0.25, 0.4, 0.35])
    image = np.full(size, tone, dtype=np.float32)
    if rng.random() < 0.35:  # a gradient across
        image += variety * rng.normal() * outline.u + variety * rng.normal() * outline.v
    if rng.random() < 0.4:
        _zone(rng, image, outline, tone + variety * rng.choice([-1, 1]) * rng.uniform(0.5, 1.8))
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 9))):  # nodules, cysts, necrosis
            _spot(rng, image, outline, rng.uniform(0.08, 0.35), tone + variety * rng.normal(0, 1.2))
    if rng.random() < 0.7:
        grain = texture(rng, size)
        image += variety * rng.uniform(0.2, 0.9) * grain
    if rng.random() < 0.15:  # a rim that belongs to the object, thin or thick
        depth = rng.uniform(1.5, 3) if rng.random() < 0.6 else outline.radius * rng.uniform(0.15, 0.4)
        rim = soft(-outline.distance - depth, 1.5)
        blend(image, rim, tone + variety * rng.choice([-1, 1]) * rng.uniform(0.4, 1.5))
    return image


def paint_papillary(rng: np.random.Generator, image: np.ndarray, outline: Outline, tone: float) -> None:
    """Spots of the surrounding ring's tone near the boundary, inside the object: papillary muscles."""
    for _ in range(int(rng.integers(1, 5))):
        _spot(rng, image, outline, rng.uniform(0.07, 0.25), tone, away=(0.55, 0.9))


def _zone(rng: np.random.Generator, image: np.ndarray, outline: Outline, tone: float) -> None:
    """A central zone off the middle, so that the outer zone is a horseshoe: the prostate on T2."""
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.45)
    size_u, size_v = rng.uniform(0.35, 0.75, 2)
    form = np.hypot((outline.u - away * np.sin(angle)) / size_u, (outline.v - away * np.cos(angle)) / size_v)
    width = rng.uniform(1, 5) / (outline.radius * min(size_u, size_v))
    blend(image, soft(form - 1, width), tone)
    if rng.random() < 0.4:  # the capsule between the zones
        blend(image, 0.7 * soft(np.abs(form - 1) - 0.04, width), tone + rng.normal(0, 0.1))


def _spot(
    rng: np.random.Generator,
    image: np.ndarray,
    outline: Outline,
    radius: float,
    tone: float,
    away: tuple[float, float] = (0, 0.8),
) -> None:
    angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(*away)
    stretch = rng.uniform(0.6, 1.6)
    form = np.hypot((outline.u - far * np.sin(angle)) * stretch, outline.v - far * np.cos(angle)) / radius
    blend(image, soft(form - 1, rng.uniform(1, 3) / (outline.radius * radius)), tone)


def paint_regions(rng: np.random.Generator, size: tuple[int, int], tones: np.ndarray) -> np.ndarray:
    """A slice cut into regions with warped borders, one per tone, each with a texture, some with lines between."""
    coarse = float(np.exp(rng.uniform(np.log(10), np.log(45))))
    layered = rng.uniform(2, 5) if rng.random() < 0.25 else 1.0  # skin, fat and muscle lie in layers
    fields = np.stack([smooth_noise(rng, size, (coarse, coarse * layered)) for _ in tones])
    region = fields.argmax(0)
    image = tones.astype(np.float32)[region]
    amount = 0.16 * rng.random(len(tones)) ** 1.5 * rng.choice([0.3, 1])
    image += amount.astype(np.float32)[region] * texture(rng, size)
    if rng.random() < 0.5:
        amount = rng.permutation(amount)
        image += amount.astype(np.float32)[region] * texture(rng, size)
    if rng.random() < 0.4:  # fat or fascia along the borders
        top = np.partition(fields, -2, axis=0)
        gap = (top[-1] - top[-2]) * coarse
        blend(image, soft(gap - rng.uniform(0.5, 3), 2), rng.uniform(0, 1))
    return image


def paint_neighbour(
    rng: np.random.Generator, image: np.ndarray, centre: np.ndarray, radius: float, tone: float
) -> None:
    """One roundish organ over what is there, with a wall of another tone one time in three."""
    y = np.arange(image.shape[0], dtype=np.float32)[:, None] - np.float32(centre[0])
    x = np.arange(image.shape[1], dtype=np.float32)[None, :] - np.float32(centre[1])
    turn, aspect, skew = rng.uniform(0, np.pi), rng.uniform(0.5, 1), rng.normal(0, 0.15)
    u = (np.cos(turn) * y + np.sin(turn) * x) * np.float32(np.sqrt(aspect))
    v = (np.cos(turn) * x - np.sin(turn) * y) / np.float32(np.sqrt(aspect))
    u = u + np.float32(skew / radius) * v * v
    distance = np.sqrt(u * u + v * v) - np.float32(radius)
    if rng.random() < 0.33:
        wall = rng.uniform(1.5, max(2, 0.25 * radius))
        blend(image, soft(distance - wall, 1.5), tone + rng.choice([-1, 1]) * rng.uniform(0.1, 0.5))
    share = soft(distance, rng.uniform(1, 3))
    value = np.float32(tone)
    if rng.random() < 0.5:
        value = value + np.float32(rng.uniform(0, 0.1)) * smooth_noise(rng, image.shape, rng.uniform(1, 12))
    blend(image, share, value)


def paint_ring(rng: np.random.Generator, image: np.ndarray, outline: Outline, tone: float, depth: float) -> None:
    """A ring `depth` pixels wide around the object, of uneven width, open on one side one time in four."""
    size = image.shape
    uneven = depth * (1 + 0.25 * smooth_noise(rng, size, max(outline.radius, 12)))
    share = soft(outline.distance - uneven, 1.5)
    if rng.random() < 0.25:
        angle = rng.uniform(0, 2 * np.pi)
        side = np.sin(angle) * outline.u + np.cos(angle) * outline.v
        share = share * soft(side - rng.uniform(-0.5, 0.9), 0.5)
    grain = smooth_noise(rng, size, rng.uniform(1, 8))
    blend(image, share, tone + rng.uniform(0, 0.06) * grain)
