"""A volume through a network that judges slices, with or without the air around the body."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from monai.inferers import Inferer, SliceInferer
from torch import Tensor

SURE = 20.0  # logit of the background, against 0 of the others, where nothing was judged


class SliceBySlice(Inferer):
    """Every slice by itself.

    With `skip_air`, what lies outside the smallest box around all voxels that are not zero is background, and is
    not judged. Inside, every logit is the network's own: what it sees outside is zero, as its padding is. This is
    for CT, whose window makes air zero; the box of an image without zeros is all of it.

    Args:
        skip_air: judge that box alone.

    Shape:
        inputs (B, 1, H, W, slices) -> logits (B, classes, H, W, slices).

    >>> volume = torch.zeros(1, 1, 30, 20, 4)
    >>> volume[..., 5:25, 8:12, 1:3] = 1
    >>> judged = []
    >>> def network(image):
    ...     judged.append(image.shape)
    ...     return torch.cat([1 - image, image], 1)
    >>> SliceBySlice(skip_air=True)(volume, network).shape, judged
    (torch.Size([1, 2, 30, 20, 4]), [torch.Size([1, 1, 20, 4]), torch.Size([1, 1, 20, 4])])
    """

    def __init__(self, skip_air: bool = False) -> None:
        super().__init__()
        self.skip_air = skip_air
        self.slices = SliceInferer(roi_size=(-1, -1), spatial_dim=2, sw_batch_size=1)

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        box = _box(inputs) if self.skip_air else [(0, side) for side in inputs.shape[2:]]
        (top, bottom), (left, right), (first, last) = box
        judged = self.slices(inputs[:, :, top:bottom, left:right, first:last], network, *args, **kwargs)
        if self.skip_air and not inputs.any():
            judged[:, :1], judged[:, 1:] = SURE, 0
        rows, cols, slices = inputs.shape[2:]
        around = [first, slices - last, left, cols - right, top, rows - bottom]
        if not any(around):
            return judged
        background = F.pad(judged[:, :1], around, value=SURE)
        return torch.cat([background, F.pad(judged[:, 1:], around)], 1)


def _box(inputs: Tensor) -> list[tuple[int, int]]:
    """First and past the last of the rows, columns and slices that are not all zero; one of each if all are."""
    seen = (inputs != 0).any(0).any(0)
    box = []
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        found = torch.nonzero(seen.any(others[1]).any(others[0]))
        box.append((int(found[0]), int(found[-1]) + 1) if len(found) else (0, 1))
    return box
