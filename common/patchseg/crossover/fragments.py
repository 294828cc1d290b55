"""A pooling without loss of pixels: the map's four 2x2 phases go on as a batch and are interleaved at the end."""

import torch
import torch.nn.functional as F
from torch import Tensor


def pool_phases(maps: Tensor) -> Tensor:
    """2x2 max pooling at every position, (B, C, 2h + 1, 2w + 1) or one more -> (4B, C, h, w).

    Phase (i, j) holds the poolings that start at rows i, i + 2, ... and columns j, j + 2, ...; it is what the
    strided pooling gives of the map shifted by (i, j), so all that follows can stay as it is.
    """
    rows, cols = (maps.shape[2] - 1) // 2 * 2, (maps.shape[3] - 1) // 2 * 2
    phases: list[Tensor] = []
    for i in range(2):
        for j in range(2):
            phases.append(F.max_pool2d(maps[:, :, i : i + rows, j : j + cols], 2))
    return torch.cat(phases)


def join_phases(phases: Tensor) -> Tensor:
    """Undo the split of one `pool_phases`: (4B, C, h, w) -> (B, C, 2h, 2w).

    >>> maps = torch.arange(36.0).view(1, 1, 6, 6)
    >>> torch.equal(join_phases(pool_phases(maps)), F.max_pool2d(maps, 2, stride=1)[:, :, :4, :4])
    True
    """
    batch, channels, rows, cols = phases.shape
    grid = phases.view(2, 2, batch // 4, channels, rows, cols)
    return grid.permute(2, 3, 4, 0, 5, 1).reshape(batch // 4, channels, 2 * rows, 2 * cols)
