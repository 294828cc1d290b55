"""Rivals that take a slice as it is, without a click: a U-Net on all of it, and an FCN on patches all over it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.inferers import Inferer, SimpleInferer
from monai.utils import convert_to_dst_type
from scipy import ndimage
from torch import Tensor

from patchseg.seqpatch.slices import agreement

MULTIPLE = 16  # rows and columns that a U-Net with four poolings takes
NEAR = 8.0  # pixels from the object in which patches lie densely
SPARSE = 0.05  # how often a patch lies elsewhere, beside one near the object


class WholeSliceInferer(Inferer):
    """Segment every slice of a volume by itself, without looking at the clicks.

    Args:
        windows: how the network is led over a slice, such as MONAI's SlidingWindowInferer for one that sees
            patches; None gives it the slice at once.

    Shape:
        inputs (B, C, H, W, slices), of which the first channel is the image, or (B, C, H, W). Each slice goes
        to the network as (N, 1, rows, columns), padded to multiples of 16, with mean 0 and standard deviation 1;
        logits come back. Returns probability and confidence, as `patchseg.seqpatch.ClickInferer` does.

    >>> slices = torch.zeros(1, 3, 40, 50, 2)
    >>> slices[0, 0, 10:20, 10:20] = 9
    >>> found = WholeSliceInferer()(slices, lambda image: 10 * image)
    >>> found.shape, int((found[0, 0, ..., 1] > 0.5).sum())
    (torch.Size([1, 2, 40, 50, 2]), 100)
    """

    def __init__(self, windows: Inferer | None = None) -> None:
        self.windows = windows or SimpleInferer()

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        image = torch.as_tensor(inputs)[:, 0].float()
        volumes = image if image.ndim == 4 else image[..., None]
        slices = volumes.movedim(-1, 1).flatten(0, 1)
        scaled = (slices - slices.mean((1, 2), True)) / slices.std((1, 2), keepdim=True).clamp(min=1e-6)
        rows, columns = scaled.shape[1:]
        padded = F.pad(scaled[:, None], (0, -columns % MULTIPLE, 0, -rows % MULTIPLE))
        with torch.no_grad():
            logits = self.windows(padded, network, *args, **kwargs)[:, 0, :rows, :columns]
        probability = torch.sigmoid(logits.float())
        confidence = agreement(probability)[:, None, None].expand_as(probability)
        found = torch.stack([probability, confidence], 1).unflatten(0, (len(volumes), -1)).movedim(1, -1)
        return convert_to_dst_type(found.reshape(len(found), 2, *inputs.shape[2:]), inputs, dtype=torch.float32)[0]


def dense_near_object(label: Tensor) -> Tensor:
    """Where to cut training patches (Sequential patches, 5.1): (1, H, W) label -> weights of the same shape.

    Patches centred in the object or near its boundary are equally likely, those elsewhere 20 times less.

    >>> dense_near_object(F.pad(torch.ones(1, 1, 1), (9, 0)))[0, 0, :3].tolist()
    [0.05000000074505806, 1.0, 1.0]
    """
    outside = torch.as_tensor(label).cpu().numpy() == 0
    distance = np.stack([ndimage.distance_transform_edt(one) for one in outside])
    return torch.from_numpy(np.where(distance <= NEAR, 1.0, SPARSE)).float()
