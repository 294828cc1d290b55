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
    """Where a kidney tumour can be: the back half of the abdominal cavity, on one side of the spine (IV-A).

    The cavity lies in front of the spine, so its mid-line is taken halfway between the foremost tissue and
    the middle of the vertebra; all that lies behind that line belongs to the region.

    Args:
        image: (rows, columns, slices) in the network grid: rows from front to back, columns from the patient's
            right to the left; intensities from 0 (air) to the top of the bundle's CT window (bone).
        side: "left" or "right" of the patient, or "both".

    Returns:
        bool, same shape. A slice in which no body is found is all True.
    """
    region = np.ones(image.shape, bool)
    scaled = image / max(image.max(), 1e-6)
    for index in range(image.shape[2]):
        landmarks = _landmarks(scaled[..., index])
        if landmarks is None:
            continue
        front, (spine_row, spine_column) = landmarks
        region[: (front + spine_row) // 2, :, index] = False
        if side == "right":
            region[:, spine_column:, index] = False
        elif side == "left":
            region[:, :spine_column, index] = False
    return region


def _landmarks(image: np.ndarray) -> tuple[int, tuple[int, int]] | None:
    """The first row of tissue, and row and column of the spine: the bone in the middle third of the back half."""
    # Opening cuts off what is thin: the table, the skin, streaks. Fat is as dark as air in a narrow window, so
    # muscles and organs lie apart; together they span the abdomen.
    tissue = ndimage.binary_opening(image > 0.1, iterations=2)
    if not tissue.any():
        return None
    rows, columns = ndimage.find_objects(tissue.astype(int))[0]
    middle, third = (rows.start + rows.stop) // 2, (columns.stop - columns.start) // 3
    bone = ndimage.binary_opening(image[middle : rows.stop, columns.start + third : columns.stop - third] > 0.9)
    if not bone.any():
        return rows.start, (rows.start + 2 * (rows.stop - rows.start) // 3, (columns.start + columns.stop) // 2)
    row, column = (round(where.mean()) for where in np.nonzero(bone))
    return rows.start, (middle + row, columns.start + third + column)


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
            side = _label_side(image, np.asarray(d[self.label_key][0])) if self.side == "label" else self.side
            region = abdomen_region(image, side)
            d[self.region_key] = MetaTensor(torch.from_numpy(region[None].astype(np.uint8)), meta=d[key].meta)
        return d


def _label_side(image: np.ndarray, label: np.ndarray) -> str:
    """The side of the spine on which most of the label lies; both where there is no label."""
    left = right = 0
    for index in np.flatnonzero(label.any((0, 1))):
        landmarks = _landmarks(image[..., index] / max(image.max(), 1e-6))
        if landmarks is not None:
            column = landmarks[1][1]
            right += int((label[:, :column, index] > 0).sum())
            left += int((label[:, column:, index] > 0).sum())
    return "both" if left == right else "left" if left > right else "right"


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
