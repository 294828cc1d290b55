"""Outlines that are lists of points, filled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from skimage.draw import polygon2mask

from patchseg.errors import InputError


def filled(points: Sequence[Sequence[float]], shape: tuple[int, int], file: Path) -> np.ndarray:
    """The pixels inside an outline.

    Args:
        points: (x, y), in pixels along the columns and the rows; (0, 0) is the centre of the first pixel.
        shape: rows and columns of the picture.
        file: where they come from, for messages.

    Returns:
        (rows, columns) bool.

    Raises:
        InputError: fewer than three points, or an outline beside the picture.

    >>> filled([(0, 0), (3, 0), (0, 1)], (2, 4), Path("contour.txt")).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 0]])
    """
    if len(points) < 3:
        raise InputError(f"{file} outlines something with {len(points)} points; it takes three: repair the file.")
    mask = polygon2mask(shape, np.asarray(points, dtype=float)[:, ::-1])
    if not mask.any():
        raise InputError(
            f"{file} outlines nothing inside its picture of {shape[1]} x {shape[0]} pixels; is it another one's?"
        )
    return mask
