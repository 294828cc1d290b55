"""Sixteen rays from a click: where their patches lie, cutting them out, and laying results back.

Positions are (row, column) in pixels of the network's grid. A patch is 32 x 32: 15 pixels before its centre, 16
after. Everything works on torch tensors, on CPU and GPU, for all rays of all slices at once.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .network import PATCH

BEFORE = PATCH // 2 - 1  # pixels of a patch before its centre
HALF_CIRCLE = ((0, 1), (-1, 2), (-1, 1), (-2, 1), (-1, 0), (-2, -1), (-1, -1), (-1, -2))
DIRECTIONS: tuple[tuple[int, int], ...] = HALF_CIRCLE + tuple((-r, -c) for r, c in HALF_CIRCLE)
EIGHT = DIRECTIONS[::2]  # along rows, columns and diagonals: those whose patches lie closest


def patch_centres(
    clicks: Tensor, steps: int, stride: int, directions: Sequence[Sequence[int]] = DIRECTIONS
) -> Tensor:
    """Centres of the patches along the rays of each click: click + k * stride * direction, k = 1 .. steps.

    Oblique directions such as (-1, 2) are longer, so their rays reach further (Sequential patches, 3).

    Args:
        clicks: (N, 2) row and column, rounded to whole pixels.
        steps: patches per ray, T.
        stride: pixels from one to the next, times the direction.
        directions: of the rays, (row, column).

    Returns:
        (N, rays, steps, 2) whole numbers (int64).

    >>> patch_centres(torch.tensor([[50, 60]]), steps=2, stride=4)[0, 1].tolist()  # the ray (-1, 2)
    [[46, 68], [42, 76]]
    """
    away = torch.arange(1, steps + 1, device=clicks.device) * stride
    rays = torch.tensor(directions, device=clicks.device)
    return clicks.round().long()[:, None, None] + away[:, None] * rays[:, None]


def extract_patches(images: Tensor, centres: Tensor) -> Tensor:
    """The patch around each centre; what lies outside the image is zero.

    Args:
        images: (N, H, W).
        centres: (N, rays, T, 2) as from `patch_centres`.

    Returns:
        (N, rays, T, 32, 32), of the images' type.

    >>> image = torch.arange(10_000.0).reshape(1, 100, 100)
    >>> patch = extract_patches(image, patch_centres(torch.tensor([[50, 60]]), 1, 4))[0, 0, 0]
    >>> patch[15, 15] == image[0, 50, 64], patch[0, 0] == image[0, 35, 49]
    (tensor(True), tensor(True))
    """
    where, inside = _pixels(centres, images.shape[-2:])
    found = images.flatten(1).gather(1, where.flatten(1)).reshape(where.shape)
    return found * inside


def stitch_patches(values: Tensor, centres: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Lay the values of all patches back onto their slice and average them by coverage.

    Args:
        values: (N, rays, T, 32, 32).
        centres: (N, rays, T, 2), those the patches were cut at.
        shape: rows and columns of the slice.

    Returns:
        Mean (N, H, W), 0 where no patch lies, and the number of patches over each pixel (N, H, W).
    """
    where, inside = _pixels(centres, shape)
    pixels = torch.zeros(len(values), int(shape[0]) * int(shape[1]), dtype=values.dtype, device=values.device)
    counts = inside.to(values.dtype)
    total = pixels.scatter_add(1, where.flatten(1), (values * counts).flatten(1))
    coverage = pixels.scatter_add(1, where.flatten(1), counts.flatten(1))
    mean = total / coverage.clamp(min=1)
    return mean.reshape(-1, *shape), coverage.reshape(-1, *shape)


def _pixels(centres: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Flat index (N, rays, T, 32, 32) of each patch pixel in its slice, and whether it lies inside.

    Pixels outside get the index of the nearest one inside.
    """
    rows, columns = int(shape[0]), int(shape[1])
    offsets = torch.arange(PATCH, device=centres.device) - BEFORE
    row = (centres[..., 0, None] + offsets)[..., :, None]
    column = (centres[..., 1, None] + offsets)[..., None, :]
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    return row.clamp(0, rows - 1) * columns + column.clamp(0, columns - 1), inside
