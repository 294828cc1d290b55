"""The cross-shaped patch pair around a pixel."""

import torch.nn.functional as F
from torch import Tensor


def cross_patches(image: Tensor, pixels: Tensor, patch: tuple[int, int] = (100, 20)) -> tuple[Tensor, Tensor]:
    """Cut the vertical and the horizontal patch around each pixel; outside the image is zero.

    The sides are even, so pixel (r, c) lies at index (50, 10) of its vertical patch, which covers rows r - 50
    to r + 49 and columns c - 10 to c + 9; the horizontal one is its transpose in shape.

    Args:
        image: (1, H, W). pixels: (N, 2) row and column, whole numbers inside the image.

    Returns:
        (N, 1, 100, 20) and (N, 1, 20, 100).

    >>> import torch
    >>> vertical, horizontal = cross_patches(torch.rand(1, 64, 64), torch.tensor([[0, 0], [63, 10]]))
    >>> vertical.shape, horizontal.shape
    (torch.Size([2, 1, 100, 20]), torch.Size([2, 1, 20, 100]))
    """
    long, short = patch[0] // 2, patch[1] // 2
    padded = F.pad(image, [long] * 4)
    # All patches as views (1, rows of corners, columns of corners, rows, columns); only the wanted are copied.
    upright = padded.unfold(1, patch[0], 1).unfold(2, patch[1], 1)
    across = padded.unfold(1, patch[1], 1).unfold(2, patch[0], 1)
    rows, cols = pixels[:, 0], pixels[:, 1]
    shift = long - short
    return upright[:, rows, cols + shift].transpose(0, 1), across[:, rows + shift, cols].transpose(0, 1)
