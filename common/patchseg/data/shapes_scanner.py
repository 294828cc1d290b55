"""What a scanner makes of a painted slice: shading, blur, noise, speckle, shadow, gamma, field of view, 8 bit."""

import numpy as np

from patchseg.data.shapes_outline import Outline
from patchseg.data.shapes_texture import blur, smooth_noise, soft


def scanned(rng: np.random.Generator, image: np.ndarray, outline: Outline, kind: str) -> np.ndarray:
    """The slice as acquired.

    Args:
        rng: the source of all variation.
        image: (rows, columns), float32, tones of about 0..1.
        outline: the object, which shadows what is below it in ultrasound.
        kind: "mr", "ct" or "ultrasound".

    Returns:
        (rows, columns), float32, in a random unit.
    """
    size = image.shape
    if kind == "ct":
        image = np.clip(image, 0, None)
        image = blur(image + _noise(rng, size, 0.12), rng.uniform(0.3, 0.9))
        image = np.clip(image, 0, rng.uniform(0.9, 1.5))
    elif kind == "ultrasound":
        image = _speckled(rng, _shadowed(rng, np.clip(image, 0, 1.2), outline))
    else:
        image = blur(np.clip(image, 0, None), rng.uniform(0, 1.3))
        image = image * _shading(rng, size)
        image = np.hypot(image + _noise(rng, size, 0.1), _noise(rng, size, 0.06))  # Rician
    top = float(np.partition(image, -40, axis=None)[-40])
    image = np.clip(image / max(top, 1e-3), 0, 1.2)
    image **= np.float32(np.exp(rng.normal(0, 0.35)))
    if rng.random() < 0.1:
        image = image.max() - image
    if rng.random() < 0.25:
        image = image * _field_of_view(rng, outline)
    if rng.random() < 0.7:
        image = np.rint(np.clip(image, 0, 1) * 255)
    return (image * np.float32(rng.choice([1, 4, 1 / 255]))).astype(np.float32)


def _noise(rng: np.random.Generator, size: tuple[int, int], most: float) -> np.ndarray:
    return np.float32(most * rng.random() ** 2) * smooth_noise(rng, size, float(rng.choice([1.0, 1.5, 2.0])))


def _shading(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """The receive coils' sensitivity: smooth, and now and then steep as from a coil in the rectum."""
    field = np.exp(np.float32(rng.uniform(0, 0.35)) * smooth_noise(rng, size, float(size[0])))
    if rng.random() < 0.12:
        row, column = rng.uniform(0.75, 1.1) * size[0], rng.uniform(0.3, 0.7) * size[1]
        y = np.arange(size[0], dtype=np.float32)[:, None] - np.float32(row)
        x = np.arange(size[1], dtype=np.float32)[None, :] - np.float32(column)
        reach = np.float32(rng.uniform(25, 90)) ** 2
        field = field * (0.1 + 2 * reach / (reach + y * y + x * x))
    return field


def _shadowed(rng: np.random.Generator, image: np.ndarray, outline: Outline) -> np.ndarray:
    """Sound is weakened or passed on by the object (shadow or enhancement below it) and by depth."""
    above = np.cumsum(outline.mask, axis=0, dtype=np.float32) / (2 * outline.radius)
    loss = np.float32(rng.normal(0, 0.45)) * np.where(outline.mask, 0, above)
    depth = np.linspace(0, rng.uniform(-0.3, 1.5), image.shape[0], dtype=np.float32)[:, None]
    beams = smooth_noise(rng, image.shape, (400.0, rng.uniform(2, 15)))  # uneven contact along the probe
    return image * np.exp(-blur(loss, 2.0) - depth + np.float32(rng.uniform(0, 0.25)) * beams)


def _speckled(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Fully developed speckle: the magnitude of complex noise, its grains wider than high; log-compressed."""
    grain = (rng.uniform(1, 2), rng.uniform(1.2, 3))
    parts = (smooth_noise(rng, image.shape, grain) for _ in range(2))
    speckle = np.hypot(*parts) / np.float32(1.25)
    speckle = blur(image * speckle ** np.float32(rng.uniform(0.1, 0.5)), rng.uniform(0.3, 1))
    knee = np.float32(rng.uniform(1, 12))
    return np.log1p(knee * speckle) / np.log1p(knee)


def _field_of_view(rng: np.random.Generator, outline: Outline) -> np.ndarray:
    """1 inside a box, disc or fan around the object, 0 (black) outside."""
    rows, columns = np.nonzero(outline.mask)
    size = outline.mask.shape
    y = np.arange(size[0], dtype=np.float32)[:, None]
    x = np.arange(size[1], dtype=np.float32)[None, :]
    form = rng.choice(["box", "disc", "fan"], p=[0.5, 0.3, 0.2])
    if form == "disc":
        middle = rows.mean() + rng.normal(0, 8), columns.mean() + rng.normal(0, 8)
        farthest = np.hypot(rows - middle[0], columns - middle[1]).max()
        return soft(np.hypot(y - middle[0], x - middle[1]) - farthest - rng.uniform(15, 90), 1)
    margin = rng.uniform(3, 90, 4) * rng.choice([1, 4], 4)
    top, bottom = rows.min() - margin[0], rows.max() + margin[1]
    left, right = columns.min() - margin[2], columns.max() + margin[3]
    if form == "fan":
        slope = rng.uniform(-0.4, 0.4, 2)
        left, right = left - np.abs(slope[0]) * (y - top), right + np.abs(slope[1]) * (y - top)
    return ((y >= top) & (y <= bottom) & (x >= left) & (x <= right)).astype(np.float32)
