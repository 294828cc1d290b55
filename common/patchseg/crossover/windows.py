"""Norms and inner products of the map windows that the constraint loss compares, for all lattice pixels at once.

Lattice pixel (i, j) owns rows ``step * i + first`` to ``step * i + last`` and all its own columns of the
vertical map, and the same of the horizontal map with i and j exchanged. A copy of every window would be
thousands of numbers for each pixel; these two sums need none.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


def window_norms(maps: Tensor, rows: tuple[int, int], width: int, step: int, size: tuple[int, int]) -> Tensor:
    """Sum of squares of every pixel's window: maps (B, C, H, W) -> (B, h, w).

    Args:
        rows: first and last row of a pixel's window, relative to its corner. width: its columns.
        step: map rows from one lattice pixel to the next. size: (h, w).
    """
    squares = maps[:, :, rows[0] :].square().sum(1, keepdim=True)
    kernel = (rows[1] - rows[0] + 1, width)
    sums = F.avg_pool2d(squares, kernel, stride=max(step, 1)) * (kernel[0] * kernel[1])
    return sums[:, 0, : size[0], : size[1]]


def window_dots(
    vertical: Tensor, horizontal: Tensor, rows: tuple[int, int], width: int, step: int, size: tuple[int, int]
) -> Tensor:
    """Inner product of every pixel's vertical window with its horizontal one: (B, h, w).

    The arguments are those of `window_norms`; `horizontal` is transposed, as its branch computes it.
    """
    return _WindowDots.apply(vertical, horizontal, rows, width, step, size)


def _places(
    vertical: Tensor, horizontal: Tensor, rows: tuple[int, int], width: int, step: int, size: tuple[int, int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each place in the window, what all pixels have there in the two maps, both (B, C, h, w) views."""
    height_span, width_span = max(step, 1) * (size[0] - 1) + 1, max(step, 1) * (size[1] - 1) + 1
    upright, across = vertical, horizontal.transpose(2, 3)
    for row in range(rows[0], rows[1] + 1):
        for col in range(width):
            yield (
                upright[:, :, row : row + height_span : max(step, 1), col : col + width_span : max(step, 1)],
                across[:, :, col : col + height_span : max(step, 1), row : row + width_span : max(step, 1)],
            )


class _WindowDots(torch.autograd.Function):
    """Written out because autograd would allocate a whole map of zeros for every place in the window."""

    @staticmethod
    def forward(ctx, vertical, horizontal, rows, width, step, size):  # noqa: ANN001, ANN205
        ctx.save_for_backward(vertical, horizontal)
        ctx.window = (rows, width, step, size)
        dots = vertical.new_zeros((vertical.shape[0], *size))
        for upright, across in _places(vertical, horizontal, *ctx.window):
            dots += (upright * across).sum(1)
        return dots

    @staticmethod
    def backward(ctx, grad):  # noqa: ANN001, ANN205
        maps = ctx.saved_tensors
        grads = (torch.zeros_like(maps[0]), torch.zeros_like(maps[1]))
        grad = grad[:, None]
        places = zip(_places(*maps, *ctx.window), _places(*grads, *ctx.window), strict=True)
        for (upright, across), (upright_grad, across_grad) in places:
            upright_grad.addcmul_(across, grad)
            across_grad.addcmul_(upright, grad)
        return (*grads, None, None, None, None)
