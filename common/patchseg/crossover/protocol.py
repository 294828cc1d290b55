"""The paper's test protocol: one pixel in three, neighbours fill the rest, inside a region set by anatomy."""

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from scipy import ndimage
from torch import Tensor, nn

from patchseg.errors import InputError


class EveryThirdPixel(nn.Module):
    """Judge one pixel in `step` each way and let it speak for its neighbours (Crossover-Net, IV-H).

    The pixel judged is the middle of its `step` x `step` block. The numbers at these pixels are those of the
    patch pairs; here they are picked from the dense result, which is quicker than cutting the patches.

    Shape:
        image (B, 1, H, W) -> logits (B, classes, H, W), equal within each block.
    """

    def __init__(self, net: nn.Module, step: int = 3) -> None:
        super().__init__()
        self.net = net
        self.step = step

    def forward(self, image: Tensor) -> Tensor:
        logits = self.net(image)
        for axis in (2, 3):
            size = logits.shape[axis]
            middle = torch.arange(size, device=logits.device) // self.step * self.step + self.step // 2
            logits = logits.index_select(axis, middle.clamp_max(size - 1))
        return logits


def abdomen_region(image: np.ndarray, side: str = "both") -> np.ndarray:
    """Where a kidney tumour can be: the back half of the abdomen, on one side of the spine (IV-A).

    Args:
        image: (rows, columns, slices) in the network grid: rows from front to back, columns from the patient's
            right to the left; intensities 0..1 of the bundle's CT window.
        side: "left" or "right" of the patient, or "both".

    Returns:
        bool, same shape. A slice in which no body is found is all True.
    """
    region = np.zeros(image.shape, bool)
    for index in range(image.shape[2]):
        region[..., index] = _slice_region(image[..., index], side)
    return region


def _slice_region(image: np.ndarray, side: str) -> np.ndarray:
    region = np.zeros(image.shape, bool)
    # Opening cuts the table's thin line off; the largest part that is left is the body.
    parts, count = ndimage.label(ndimage.binary_opening(image > 0.1, iterations=2))
    if not count:
        return ~region
    body = ndimage.find_objects(parts)[np.bincount(parts.ravel())[1:].argmax()]
    middle_row = (body[0].start + body[0].stop) // 2
    region[middle_row : body[0].stop] = True
    spine = _spine_column(image, middle_row, body[1])
    if side == "right":
        region[:, spine:] = False
    elif side == "left":
        region[:, :spine] = False
    return region


def _spine_column(image: np.ndarray, middle_row: int, columns: slice) -> int:
    """Centre of the bright bone in the back half, looked for in the body's middle third of columns."""
    third = (columns.stop - columns.start) // 3
    bone = image[middle_row:, columns.start + third : columns.stop - third] > 0.9
    if not bone.any():
        return (columns.start + columns.stop) // 2
    return columns.start + third + round(np.nonzero(bone)[1].mean())


class AnatomicalRegiond(MapTransform):
    """Write the paper's search region beside the image, as `region_key`, uint8 (1, rows, columns, slices).

    Args:
        keys: the image, in the network grid.
        side: "left", "right", "both", or "label": the side on which most of the label lies. The paper takes
            the side as known; reading it from the reference grants the method that knowledge and no more.
        label_key: the reference, only read for "label".

    Raises:
        InputError: for another side.
    """

    def __init__(
        self, keys: KeysCollection, side: str = "both", region_key: str = "region", label_key: str = "label"
    ) -> None:
        super().__init__(keys)
        if side not in ("left", "right", "both", "label"):
            raise InputError(f"side {side!r}: take 'left', 'right', 'both' or 'label'")
        self.side, self.region_key, self.label_key = side, region_key, label_key

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            image = np.asarray(d[key][0])
            region = abdomen_region(image, "both" if self.side == "label" else self.side)
            if self.side == "label":
                label = np.asarray(d[self.label_key][0]) > 0
                left, right = abdomen_region(image, "left"), abdomen_region(image, "right")
                region = left if (label & left).sum() >= (label & right).sum() else right
            d[self.region_key] = MetaTensor(torch.from_numpy(region[None].astype(np.uint8)), meta=d[key].meta)
        return d


class KeepRegiond(MapTransform):
    """Set a mask to background outside the region that `AnatomicalRegiond` wrote."""

    def __init__(self, keys: KeysCollection, region_key: str = "region") -> None:
        super().__init__(keys)
        self.region_key = region_key

    def __call__(self, data: Mapping[Hashable, Tensor]) -> dict[Hashable, Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = d[key] * d[self.region_key].to(d[key])
        return d
