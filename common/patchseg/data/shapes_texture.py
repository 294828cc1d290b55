"""Smooth random fields and soft edges: what the synthetic slices of `shapes` are painted with.

All arrays are (rows, columns), float32; lengths are in pixels.
"""

from functools import lru_cache

import numpy as np

SPLINE_VARIANCE = 0.479  # of white noise after cubic B-splines along one axis


def smooth_noise(
    rng: np.random.Generator, size: tuple[int, int], grain: float | tuple[float, float]
) -> np.ndarray:
    """Noise of mean 0 and standard deviation about 1 whose grains are about `grain` pixels wide.

    White noise on a coarse grid, brought to `size` by cubic B-splines: two small matrix products, an order of
    magnitude faster than a filter with a wide kernel.

    Args:
        rng: the source of the noise.
        size: rows and columns.
        grain: distance of the coarse grid's points; two numbers for rows and columns. Below 1.5 the noise is
            white.

    >>> field = smooth_noise(np.random.default_rng(0), (64, 48), 8)
    >>> field.shape, field.dtype.name, bool(np.abs(np.diff(field, axis=0)).max() < 0.5)
    ((64, 48), 'float32', True)
    """
    rows, columns = grain if isinstance(grain, tuple) else (grain, grain)
    if max(rows, columns) < 1.5:
        return rng.standard_normal(size, dtype=np.float32)
    left, right = splines(size[0], rows), splines(size[1], columns)
    return left @ rng.standard_normal((left.shape[1], right.shape[1]), dtype=np.float32) @ right.T


def splines(length: int, grain: float) -> np.ndarray:
    """Weights (length, points) of cubic B-splines `grain` pixels apart, which keep white noise's deviation.

    >>> splines(192, 8.0).shape
    (192, 27)
    """
    return _splines(length, round(max(float(grain), 1.0), 1))


@lru_cache(maxsize=512)
def _splines(length: int, grain: float) -> np.ndarray:
    """Weights (length, points) of cubic B-splines `grain` pixels apart, scaled to keep the noise's deviation."""
    points = int(np.ceil(length / grain)) + 3
    t = np.abs(np.arange(length)[:, None] / grain - (np.arange(points) - 1)[None, :])
    weights = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.clip(2 - t, 0, None) ** 3 / 6)
    return (weights / np.sqrt(SPLINE_VARIANCE)).astype(np.float32)


def texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """One random texture of standard deviation about 1: up to three grains mixed, sometimes drawn out or ridged.

    Args:
        rng: the source of all variation.
        size: rows and columns.
    """
    stretch = rng.uniform(1.5, 5) if rng.random() < 0.25 else 1.0
    field = np.zeros(size, dtype=np.float32)
    weight = 0.0
    for _ in range(int(rng.integers(1, 4))):
        grain = float(np.exp(rng.uniform(np.log(1.5), np.log(24))))
        part = float(rng.uniform(0.3, 1))
        field += part * smooth_noise(rng, size, (grain, grain * stretch))
        weight += part**2
    field /= np.sqrt(weight, dtype=np.float32)
    if rng.random() < 0.2:  # ridges, like the septa of fat and the walls of vessels
        field = 1.8 * (0.8 - np.abs(field)) * rng.choice([-1, 1])
    return field


def soft(distance: np.ndarray, width: float) -> np.ndarray:
    """Share of a pixel that lies inside: 1 where `distance` is negative, 0 where positive, linear across `width`.

    >>> soft(np.array([-3.0, 0.0, 0.5, 3.0]), 2).tolist()
    [1.0, 0.5, 0.25, 0.0]
    """
    return np.clip(0.5 - distance / width, 0, 1)


def blend(image: np.ndarray, share: np.ndarray, value: np.ndarray | float) -> None:
    """Paint `value` over an image where and as far as `share` (0..1) says, in place."""
    image += share * (value - image)


@lru_cache(maxsize=64)
def _kernel(length: int, sd: float) -> np.ndarray:
    away = np.arange(length)[:, None] - np.arange(length)[None, :]
    weights = np.exp(-0.5 * (away / sd) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def blur(image: np.ndarray, sd: float) -> np.ndarray:
    """Gaussian blur with standard deviation `sd` in pixels, rounded to a tenth; none below 0.25."""
    if sd < 0.25:
        return image
    sd = round(sd, 1)
    return _kernel(image.shape[0], sd) @ image @ _kernel(image.shape[1], sd).T
