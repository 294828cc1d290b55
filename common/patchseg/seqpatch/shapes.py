"""What a mask in one slice says about the next: where to click, how far it may grow, which parts belong to it.

All masks are bool arrays (rows, columns) of one slice; points are (row, column) in pixels.
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage
from scipy.special import expit

from patchseg.cleaning import main_parts

Point = tuple[float, float]


def depth(mask: np.ndarray) -> np.ndarray:
    """Pixels from each pixel of a mask to the nearest one outside it; beyond the slice is outside."""
    deep = np.zeros(mask.shape)
    for box in ndimage.find_objects(mask.astype(np.uint8)):  # one, or none: nothing outside the box counts
        deep[box] = ndimage.distance_transform_edt(np.pad(mask[box], 1))[1:-1, 1:-1]
    return deep


def interior_point(mask: np.ndarray) -> Point:
    """The point to click: the centroid if it lies at least half as deep as the deepest pixel, else that pixel.

    >>> square = np.zeros((20, 20), bool)
    >>> square[4:11, 6:13] = True
    >>> interior_point(square)
    (7.0, 9.0)
    >>> square[5:11, 8:11] = False  # a horseshoe: its centroid is not inside
    >>> bool(square[tuple(map(int, interior_point(square)))])
    True
    """
    row, column = (float(n) for n in ndimage.center_of_mass(mask))
    deep = depth(mask)
    if deep[round(row), round(column)] >= deep.max() / 2:
        return row, column
    row, column = np.unravel_index(deep.argmax(), mask.shape)
    return float(row), float(column)


def parts(mask: np.ndarray) -> list[np.ndarray]:
    """The connected parts of a mask, without those much smaller than the largest (see `main_parts`)."""
    if not mask.any():
        return []
    labels, count = ndimage.label(main_parts(mask))
    return [labels == number for number in range(1, count + 1)]


def core(mask: np.ndarray) -> np.ndarray:
    """The inner half of each main part: what lies at least half as deep as the part's deepest pixel."""
    inner = np.zeros_like(mask)
    for part in parts(mask):
        deep = depth(part)
        inner |= deep >= deep.max() / 2
    return inner


def around(points: Sequence[Point], radius: float, shape: Sequence[int]) -> np.ndarray:
    """The pixels at most `radius` from any of the points."""
    return _distance(points, shape) <= radius


def nearer(points: Sequence[Point], others: Sequence[Point], shape: Sequence[int]) -> np.ndarray:
    """The pixels nearer to one of the points than to any of the others; with no others, all of them.

    >>> nearer([(0, 4)], [(0, 0)], (1, 5)).astype(int)
    array([[0, 0, 0, 1, 1]])
    """
    return _distance(points, shape) < _distance(others, shape)


def _distance(points: Sequence[Point], shape: Sequence[int]) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    away = [np.hypot(rows - row, columns - column) for row, column in points]
    return np.min(away, axis=0) if away else np.full(tuple(shape), np.inf)


def grown(mask: np.ndarray, factor: float, margin: float) -> np.ndarray:
    """A mask dilated all round, so that a disc of radius r gets the radius factor * r + margin, in pixels."""
    radius = np.sqrt(mask.sum() / np.pi)
    return ndimage.distance_transform_edt(~mask) <= (factor - 1) * radius + margin


def between(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """The shape `share` of the way from one mask to another, on the straight path between their interior points.

    Both are shifted onto the path, then their signed distances are mixed, so that a disc becomes a larger disc
    elsewhere by way of discs of all sizes between. If one is empty, the other stays as it is.

    >>> disc = around([(20, 20)], 6, (40, 60))
    >>> halfway = between(disc, around([(20, 40)], 10, (40, 60)), share=0.5)
    >>> interior_point(halfway), int(halfway[20].sum())
    ((20.0, 30.0), 17)
    """
    if not first.any() or not second.any():
        return first | second
    start, end = np.array(interior_point(first)), np.array(interior_point(second))
    here = start + share * (end - start)
    return (1 - share) * _signed(first, here - start) + share * _signed(second, here - end) > 0


def blurred(mask: np.ndarray, width: float) -> np.ndarray:
    """How likely each pixel belongs to a mask whose edge may have moved by about `width` pixels: 0 to 1.

    >>> blurred(around([(2, 4)], 2, (5, 9)), width=1)[2].round(1)
    array([0.2, 0.4, 0.6, 0.7, 0.9, 0.7, 0.6, 0.4, 0.2], dtype=float32)
    """
    return expit(_signed(mask, np.zeros(2)) / width).astype(np.float32)


def _signed(mask: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Distance to the edge of a shifted mask, positive inside, 0 halfway between the pixels of either side."""
    moved = ndimage.shift(mask.astype(np.uint8), np.rint(shift), order=0).astype(bool)
    if not moved.any():
        return np.full(mask.shape, -np.inf)
    return np.where(moved, depth(moved) - 0.5, 0.5 - ndimage.distance_transform_edt(~moved))


def touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The connected parts of a mask that share a pixel with the seeds."""
    return ndimage.binary_propagation(seeds & mask, mask=mask)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks, 0 to 1; 0 if both are empty."""
    return 2 * float((one & other).sum()) / max(float(one.sum() + other.sum()), 1)
