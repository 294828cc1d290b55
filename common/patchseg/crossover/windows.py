"""Norms and inner products of the map windows that the constraint loss compares, for all lattice pixels at once.

Lattice pixel (i, j) owns rows ``step * i + first`` to ``step * i + last`` and all its own columns of the
vertical map, and the same of the horizontal map with i and j exchanged. A copy of every window would be
thousands of numbers for each pixel; these sums need none.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Rows = tuple[int, int]


def window_norms(
    maps: Tensor, spans: Sequence[Sequence[Rows]], width: int, step: int, size: tuple[int, int]
) -> list[Tensor]:
    """Sum of squares of every pixel's windows: maps (B, C, H, W) -> for each of `spans` (B, h, w).

    Args:
        spans: first and last rows of a pixel's windows, relative to its corner; what stands together is summed.
        width: columns of a window.
        step: map rows from one lattice pixel to the next.
        size: (h, w).
    """
    squares = maps.square().sum(1, keepdim=True)
    sums: list[Tensor] = []
    for windows in spans:
        total = squares.new_zeros(())
        for first, last in windows:
            kernel = (last - first + 1, width)
            means = F.avg_pool2d(squares[:, :, first:], kernel, stride=max(step, 1))
            total = total + means[:, 0, : size[0], : size[1]] * (kernel[0] * kernel[1])
        sums.append(total)
    return sums


def window_dots(
    vertical: Tensor,
    horizontal: Tensor,
    spans: Sequence[Sequence[Rows]],
    width: int,
    step: int,
    size: tuple[int, int],
) -> tuple[Tensor, ...]:
    """Inner products of every pixel's vertical windows with its horizontal ones: for each of `spans` (B, h, w).

    The arguments are those of `window_norms`; `horizontal` is transposed, as its branch computes it.
    """
    step = max(step, 1)
    upright, across = _by_step(vertical, step), _by_step(horizontal.transpose(2, 3), step)
    return _WindowDots.apply(upright, across, spans, width, size)


def _by_step(maps: Tensor, step: int) -> Tensor:
    """(B, C, H, W) -> (B, step, step, ceil(H / step), ceil(W / step), C): neighbouring pixels' numbers adjoin."""
    maps = maps.permute(0, 2, 3, 1)
    maps = F.pad(maps, [0, 0, 0, -maps.shape[2] % step, 0, -maps.shape[1] % step])
    batch, rows, cols, channels = maps.shape
    grid = maps.reshape(batch, rows // step, step, cols // step, step, channels)
    return grid.permute(0, 2, 4, 1, 3, 5).contiguous()


def _places(
    upright: Tensor, across: Tensor, windows: Sequence[Rows], width: int, size: tuple[int, int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each place in the windows, what the pixels of some images have there in both maps, (B, h, w, C)."""
    step = upright.shape[1]
    for first, last in windows:
        for row in range(first, last + 1):
            for col in range(width):
                down, right = row // step, col // step
                yield (
                    upright[:, row % step, col % step, down : down + size[0], right : right + size[1]],
                    across[:, col % step, row % step, right : right + size[0], down : down + size[1]],
                )


def _together(maps: Tensor) -> int:
    """How many images at a time: on CPUs one, which stays in the caches; on GPUs all, from as few operations."""
    return 1 if maps.device.type == "cpu" else len(maps)


class _WindowDots(torch.autograd.Function):
    """Written out because autograd would allocate a whole map of zeros for every place in the windows."""

    @staticmethod
    def forward(
        ctx: Any,
        upright: Tensor,
        across: Tensor,
        spans: Sequence[Sequence[Rows]],
        width: int,
        size: tuple[int, int],
    ) -> tuple[Tensor, ...]:
        ctx.save_for_backward(upright, across)
        ctx.windows = (spans, width, size)
        dots = [upright.new_empty((len(upright), *size)) for _ in spans]
        products = upright.new_empty((_together(upright), *size, upright.shape[5]))
        for start in range(0, len(upright), len(products)):
            images = slice(start, start + len(products))
            for windows, found in zip(spans, dots, strict=True):
                products.zero_()
                for one, other in _places(upright[images], across[images], windows, width, size):
                    products.addcmul_(one, other)
                found[images] = products.sum(3)
        return tuple(dots)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        spans, width, size = ctx.windows
        both = ctx.saved_tensors
        both_grads = (torch.zeros_like(both[0]), torch.zeros_like(both[1]))
        for start in range(0, len(both[0]), _together(both[0])):
            images = slice(start, start + _together(both[0]))
            maps, grads = ([each[images] for each in pair] for pair in (both, both_grads))
            for windows, slope in zip(spans, slopes, strict=True):
                slope = slope[images, ..., None].expand(-1, *size, maps[0].shape[5]).contiguous()
                places = _places(*maps, windows, width, size)
                grad_places = _places(*grads, windows, width, size)
                for (one, other), (one_grad, other_grad) in zip(places, grad_places, strict=True):
                    one_grad.addcmul_(other, slope)
                    other_grad.addcmul_(one, slope)
        return (*both_grads, None, None, None)
