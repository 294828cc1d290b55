"""Images cut down to the surroundings of one object."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Crop, InvertibleTransform, MapTransform

from patchseg.data.checks import file_of
from patchseg.errors import InputError


class CropToBoxd(MapTransform, InvertibleTransform):
    """Cut images down to a box around the object, or to one some times as large (Crossover-Net, IV-B).

    The box is the one that the record gives, as `box_key`; else the smallest around the label's foreground, where
    there is a label; else the whole image. Slices are all kept. Beyond what is kept networks see black. The
    inverse, by `Invertd`, puts a mask back to its place in the image, with background around it.

    Args:
        keys: images and labels, (1, X, Y, Z), of one shape.
        factor: sides of what is kept over those of the box; it ends at the edge of the image.
        label_key: the label to read the box from; None, or a record without it, for none.
        box_key: record key of [i0, j0, i1, j1], the box's first and last voxel along the file's first and second
            axis, of a picture column and row, counted from 0. None or [] stands for no box.

    Raises:
        InputError: a box that is not four whole numbers or not inside the image, or a label without foreground.

    >>> image = MetaTensor(torch.zeros(1, 50, 40, 1))
    >>> tuple(CropToBoxd("image", factor=2.0)({"image": image, "box": [20, 10, 29, 14]})["image"].shape)
    (1, 20, 10, 1)
    """

    def __init__(
        self, keys: KeysCollection, factor: float, label_key: str | None = None, box_key: str = "box"
    ) -> None:
        super().__init__(keys)
        if not factor >= 1:
            raise InputError(f"crop is {factor}; give 1 or more, how much larger than the box.")
        self.factor, self.label_key, self.box_key = factor, label_key, box_key
        self.crop = Crop()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        box = d.get(self.box_key)
        label = d.get(self.label_key)
        if box is not None and len(box):
            first, last = _corners(box, d[self.first_key(d)], self.first_key(d))
        elif label is not None:
            first, last = _around(label, file_of(label, self.label_key))
        else:
            return d
        for key in self.key_iterator(d):
            sides = zip(first, last, d[key].shape[1:3], strict=True)
            slices = [slice(*self._kept(start, end, size)) for start, end, size in sides]
            d[key] = self.crop(d[key], [*slices, slice(None)])
        return d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            if d[key].applied_operations and d[key].applied_operations[-1]["id"] == id(self.crop):
                d[key] = self.crop.inverse(d[key])
        return d

    def _kept(self, first: int, last: int, size: int) -> tuple[int, int]:
        """The first voxel kept along one axis, and the one after the last."""
        margin = (self.factor - 1) / 2 * (last + 1 - first)
        return max(round(first - margin), 0), min(round(last + 1 + margin), size)


def _corners(box: Sequence[Any], image: MetaTensor, key: Hashable) -> tuple[list[int], list[int]]:
    whole = len(box) == 4 and all(isinstance(n, int) for n in box)
    if not whole or not all(0 <= a <= b < n for a, b, n in zip(box[:2], box[2:], image.shape[1:3], strict=True)):
        columns, rows = image.shape[1:3]
        raise InputError(
            f"the box {list(box)} does not lie in {file_of(image, key)}, {columns} x {rows} pixels: give its "
            "first and last pixel as [column, row, column, row], counted from 0."
        )
    return list(box[:2]), list(box[2:])


def _around(label: torch.Tensor, file: str) -> tuple[list[int], list[int]]:
    where = torch.nonzero(torch.as_tensor(label)[0])[:, :2]
    if not len(where):
        raise InputError(f"{file} holds no object to put a box around; leave the image out.")
    return where.amin(0).tolist(), where.amax(0).tolist()
