"""Voxel coordinates, shapes and axis orders for the phantoms.

Arrays are (row, column, slice) with rows running to posterior, columns to the patient's left and slices to
superior ("PLS"); positions are (y, x, z) in mm from the middle of the body along the same directions.
"""

from typing import NamedTuple

import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from scipy.ndimage import gaussian_filter


class Grid(NamedTuple):
    """Voxel centres in mm: y (rows, 1, 1), x (1, columns, 1), z (1, 1, slices), ready to broadcast."""

    y: np.ndarray
    x: np.ndarray
    z: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of rows, columns and slices."""
        return self.y.size, self.x.size, self.z.size

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between rows, columns and slices in mm."""
        return tuple(float(axis.flat[1] - axis.flat[0]) for axis in self)


def make_grid(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """Grid of `shape` voxels, `spacing` mm apart, with the origin in its middle.

    >>> make_grid((3, 2, 1), (1.5, 1.0, 5.0)).y.ravel().tolist()
    [-1.5, 0.0, 1.5]
    """
    y, x, z = (
        ((np.arange(n) - (n - 1) / 2) * mm).astype(np.float32) for n, mm in zip(shape, spacing, strict=True)
    )
    return Grid(y[:, None, None], x[None, :, None], z[None, None, :])


def around(
    grid: Grid, centre: tuple[float, float, float], reach: float | tuple[float, float, float]
) -> tuple[tuple[slice, ...], Grid]:
    """The part of a grid within `reach` mm of a centre: its slices in the whole array, and its own grid."""
    window = []
    for axis, middle, far in zip(grid, centre, np.broadcast_to(reach, 3), strict=True):
        hit = np.flatnonzero(np.abs(axis.ravel() - middle) <= far)
        window.append(slice(int(hit[0]), int(hit[-1]) + 1) if hit.size > 1 else slice(0, 2))
    rows, columns, slices = window
    return tuple(window), Grid(grid.y[rows], grid.x[:, columns], grid.z[:, :, slices])


def ellipsoid(grid: Grid, centre: tuple, radii: tuple) -> np.ndarray:
    """Distance from the centre in units of the radii: 1 on the surface, below 1 inside (float32, broadcast).

    A centre or a radius may itself be an array, such as a function of `grid.z`: tubes and tilted organs.
    """
    parts = (((axis - c) / r) ** 2 for axis, c, r in zip(grid, centre, radii, strict=True))
    return np.sqrt(sum(parts))


def smooth_noise(rng: np.random.Generator, grid: Grid, scale: float) -> np.ndarray:
    """Noise of mean 0 and standard deviation 1 whose grains are about `scale` mm wide (float32)."""
    noise = rng.standard_normal(grid.shape, dtype=np.float32)
    noise = gaussian_filter(noise, [scale / 2.5 / mm for mm in grid.spacing], truncate=2.5)
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def turned(
    image: np.ndarray, label: np.ndarray, affine: np.ndarray, axes: str, tilt: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same patient stored with other axes, in slices tilted forwards by `tilt` degrees.

    Args:
        image, label: (rows, columns, slices). affine: (4, 4) of both, voxel index to RAS in mm.
        axes: of the result, such as "LPS".
    """
    turn = ornt_transform(io_orientation(affine), axcodes2ornt(axes))
    angle = np.deg2rad(tilt)
    askew = np.eye(4)
    askew[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    stored = askew @ affine @ inv_ornt_aff(turn, image.shape)
    return (*(np.ascontiguousarray(apply_orientation(a, turn)) for a in (image, label)), stored)
