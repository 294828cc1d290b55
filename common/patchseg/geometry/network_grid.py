"""From a file's grid to the network's and back."""

from collections.abc import Hashable, Mapping, Sequence

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, Orientation, Spacing
from monai.utils import ensure_tuple_rep

# MONAI names the two ends of each axis from the lower to the higher coordinate, in RAS+ millimetres.
AXIS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


class NetworkGridd(MapTransform, InvertibleTransform):
    """Turn a volume so that the network reads it like a radiologist: rows, columns, slices.

    Axes of the result: 1 rows, from the front of the patient to the back; 2 columns, from the patient's right
    to the left; 3 slices, from the feet to the head. Rows and columns are resampled to one spacing, slices
    stay as they were acquired. An oblique volume keeps its obliquity: each axis gets the direction it is
    closest to. Nothing is mirrored: the affine follows every step, and `monai.transforms.Invertd` brings a
    mask back to the file's own grid.

    MONAI's Orientationd and Spacingd would do the same, but under MONAI Label its Spacingd fails on NIfTI
    files, because it updates every key that begins with "image_".

    Args:
        keys: volumes, (channels, X, Y, Z) MetaTensors in any orientation.
        spacing: millimetres between rows and between columns; None keeps what is there.
        mode: "bilinear" for images, "nearest" for labels; one for all keys or one each.

    Shape:
        (C, X, Y, Z) -> (C, rows, columns, slices)

    >>> scan = MetaTensor(torch.zeros(1, 40, 30, 5), affine=torch.diag(torch.tensor([-1.0, -2.0, 3.0, 1.0])))
    >>> grid = NetworkGridd(keys="image", spacing=1.0)({"image": scan})["image"]  # x runs to the left, y back
    >>> grid.shape, grid.pixdim.tolist()
    (torch.Size([1, 59, 40, 5]), [1.0, 1.0, 3.0])
    """

    def __init__(
        self, keys: KeysCollection, spacing: float | None, mode: str | Sequence[str] = "bilinear"
    ) -> None:
        super().__init__(keys)
        self.mode = ensure_tuple_rep(mode, len(self.keys))
        self.orientation = Orientation(axcodes="PLS", labels=AXIS_LABELS)
        self.resample = Spacing(pixdim=(spacing, spacing, -1.0)) if spacing else None

    def __call__(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        d = dict(data)
        for key, mode in self.key_iterator(d, self.mode):
            d[key] = self.orientation(d[key])
            if self.resample:
                d[key] = self.resample(d[key], mode=mode, padding_mode="border", dtype=torch.float32)
        return d

    def inverse(self, data: Mapping[Hashable, MetaTensor]) -> dict[Hashable, MetaTensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            if self.resample:
                d[key] = self.resample.inverse(d[key])
            d[key] = self.orientation.inverse(d[key])
        return d
