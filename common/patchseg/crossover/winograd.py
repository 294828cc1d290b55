"""Convolutions from fewer multiplications, for inference on CPUs (Winograd 1980; Lavin and Gray 2016).

Four outputs of a kernel of seven rows take 28 products one by one. But kernel and outputs can be read as
polynomials. Their product is known from its values at ten points, as many as it has coefficients, and each of
these takes one product; the rest are sums. The numbers are those of the convolution, to float rounding.

Maps are (H, N, W, C): rows first, so that the rows of a tile are one block of memory for all N maps, and channels
last, so that a pixel is a row of a matrix.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .in_threads import in_threads

TILE = 6  # rows of outputs at a time
MOST = 12  # products for them: with more points they lie too close or too far out, and digits are lost
POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2, 3 / 2, -3 / 2, 2 / 3, -2 / 3)  # and infinity
AT_ONCE = 384  # positions: what is computed for them stays near a core, and outweighs starting each operation
AT_ONCE_WIDE = 96  # the same for kernels of more outputs than `WIDE`
WIDE = 128


class Alike(NamedTuple):
    """How many rows at the top, and at the bottom, equal one another: the zeros around an image, and its air."""

    top: int = 0
    bottom: int = 0

    def convolved(self, rows: int) -> "Alike":
        """Of what a convolution of so many rows gives."""
        return Alike(max(self.top - rows + 1, 0), max(self.bottom - rows + 1, 0))

    def pooled(self) -> "Alike":
        """At least, of what a 2x2 pooling gives, whichever rows it starts at."""
        return Alike(max(self.top - 1, 0) // 2, max(self.bottom - 2, 0) // 2)


NONE = Alike()


def alike(image: Tensor) -> Alike:
    """Rows of an image (H, W).

    >>> alike(torch.tensor([[0, 0], [0, 0], [0, 1], [0, 0]]))
    Alike(top=2, bottom=1)
    """
    rows = image.numpy()
    counts = [(each == each[0]).all(1).cumprod().sum() for each in (rows, rows[::-1])]
    return Alike(*map(int, counts))


class Kernel(NamedTuple):
    """A convolution's weights at the points.

    Attributes:
        values: (points, cols C, O). bias: (O,).
        rows, cols: of the convolution.
        tile: rows of outputs at a time.
    """

    values: Tensor
    bias: Tensor
    rows: int
    cols: int
    tile: int


def at_points(weight: Tensor, bias: Tensor) -> Kernel:
    """Prepare a convolution for `convolve`: weight (O, C, rows, cols), of up to 12 rows, and bias (O,)."""
    outputs, inputs, rows, cols = weight.shape
    tile = min(TILE, MOST + 1 - rows)
    values = matrices(rows, tile)[1] @ weight.permute(2, 3, 1, 0).reshape(rows, -1)
    return Kernel(values.view(-1, cols * inputs, outputs), bias, rows, cols, tile)


def convolve(
    maps: Tensor,
    kernel: Kernel,
    then: Callable[[Tensor], Tensor] = lambda some: some,
    channels: int | None = None,
    ends: Alike = NONE,
) -> Tensor:
    """A convolution of stride 1 without padding, and what follows at each position.

    Args:
        maps: (H, N, W, C) float32, copied if not contiguous.
        kernel: from `at_points`.
        then: what to do with the O channels of some positions, (P, O) -> (P, channels); may do it in place.
        channels: that `then` returns; O unless given.
        ends: rows of the maps that are alike: what sees only those is computed once at either end.

    Returns:
        (H - rows + 1, N, W - cols + 1, channels).

    >>> maps, weight, bias = torch.rand(20, 3, 9, 4), torch.rand(5, 4, 7, 3), torch.rand(5)
    >>> expected = F.relu(F.conv2d(maps.permute(1, 3, 0, 2), weight, bias))
    >>> torch.allclose(convolve(maps, at_points(weight, bias), F.relu).permute(1, 3, 0, 2), expected, atol=1e-3)
    True
    """
    rows, cols, tile = kernel.rows, kernel.cols, kernel.tile
    seen, count, width, _ = maps.shape
    height, width = seen - rows + 1, width - cols + 1
    top = min(max(ends.top - rows, 0), height - 1)
    bottom = min(max(ends.bottom - rows, 0), height - 1 - top)
    maps = maps[top : seen - bottom].contiguous()  # tiles are read by strides below
    points, outputs = tile + rows - 1, len(kernel.bias)
    to_outputs, _, to_maps = matrices(rows, tile)
    tiles, positions = -(-(height - top - bottom) // tile), count * width
    found = maps.new_empty(max(top + tiles * tile, height), positions, channels or outputs)
    tiled = found[top : top + tiles * tile].unflatten(0, (tiles, tile)).transpose(0, 1)

    at_once = AT_ONCE_WIDE if outputs > WIDE else AT_ONCE
    together = max(at_once // positions, 1)  # tiles at a time, where they are narrow
    row = maps[0].numel()

    def turns(numbers: range) -> None:
        products, sums = maps.new_empty(points * at_once * outputs), maps.new_empty(tile * at_once * outputs)
        for start in numbers[::together]:
            some_tiles = min(together, numbers.stop - start)
            lines = (some_tiles - 1) * tile + points
            part = maps[start * tile : start * tile + lines]
            if len(part) < lines:
                part = F.pad(part, [0, 0] * 3 + [0, lines - len(part)])
            part = part.as_strided((points, some_tiles, row), (row, tile * row, 1))  # tiles overlap
            values = _with_neighbours((to_maps @ part.flatten(1)).view(points, -1, *maps.shape[2:]), cols)
            for first in range(0, positions, at_once):
                some = values[:, first : first + at_once]
                size = some.shape[1] * outputs
                product = products[: points * size].view(points, -1, outputs)
                torch.bmm(some, kernel.values, out=product)
                product[1].add_(kernel.bias)  # the value at 1 counts once in every output
                total = torch.mm(to_outputs, product.view(points, size), out=sums[: tile * size].view(tile, size))
                done = then(total.view(-1, outputs)).view(tile, some_tiles, -1, found.shape[2])
                tiled[:, start : start + some_tiles, first : first + at_once] = done

    in_threads(turns, tiles)
    found[:top], found[height - bottom : height] = found[top], found[height - bottom - 1]
    return found[:height].unflatten(1, (count, width))


def _with_neighbours(values: Tensor, cols: int) -> Tensor:
    """(points, N, W, C) -> (points, N (W - cols + 1), cols C): each position with those to its right."""
    points, count, width, channels = values.shape
    width = width - cols + 1
    if cols > 1:
        values = values.as_strided((points, count, width, cols * channels), values.stride()).contiguous()
    return values.view(points, count * width, cols * channels)


@cache
def matrices(rows: int, tile: int) -> tuple[Tensor, Tensor, Tensor]:
    """A (tile, points), G (points, rows) and B (points, points), so that y = A ((G g) * (B d)).

    g are the rows of a kernel, y the `tile` outputs of a convolution, and d the rows that they see. G and the
    transpose of A evaluate polynomials at the points, the inverse of B's transpose does as well.

    >>> outputs, kernel, maps = matrices(rows=3, tile=2)
    >>> taps, seen = torch.tensor([1.0, 0.0, -1.0]), torch.tensor([5.0, 7.0, 1.0, 4.0])
    >>> outputs @ ((kernel @ taps) * (maps @ seen))  # 5 - 1 and 7 - 4
    tensor([4., 3.])
    """
    points = tile + rows - 1

    def values(size: int) -> np.ndarray:
        finite = np.vander(POINTS[: points - 1], size, increasing=True)
        return np.vstack([finite, np.eye(size)[-1]])  # at infinity only the highest power counts

    found = (values(tile).T, values(rows), np.linalg.inv(values(points)).T)
    return tuple(torch.tensor(each, dtype=torch.float32) for each in found)
