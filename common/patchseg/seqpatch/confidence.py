"""The confidence of each slice, out of the prediction and into a list that viewers can show."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform

from patchseg.geometry import file_grid


class ConfidencePerSliced(MapTransform):
    """Take the confidence channel off what `ClickInferer` gives, and list it by the file's slices.

    `confidence` becomes {"axis": a, "values": [...]}: the axis of the file (0 for i, 1 for j, 2 for k) along which
    the slices lie, and for each index on it the confidence, 0 to 1, rounded to three digits; 0 where nothing was
    judged. Low values inside the object show where to click next.

    Args:
        keys: predictions, (2, H, W, slices), on the network's grid: before Invertd.
        orig_keys: the image, which knows the file's grid.
        confidence_key: where the result goes.

    Shape:
        (2, H, W, slices) -> (1, H, W, slices)
    """

    def __init__(
        self, keys: KeysCollection = "pred", orig_keys: str = "image", confidence_key: str = "confidence"
    ) -> None:
        super().__init__(keys)
        self.orig_keys = orig_keys
        self.confidence_key = confidence_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            image, prediction = d[self.orig_keys], d[key]
            _, affine = file_grid(image)
            along = np.asarray(image.affine)[:3, 2] @ (affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
            axis = int(np.abs(along).argmax())
            # on the way to the network's grid slices are only renumbered, in the file's order or in reverse
            values = [round(float(c), 3) for c in prediction[1, 0, 0]]
            d[self.confidence_key] = {"axis": axis, "values": values if along[axis] > 0 else values[::-1]}
            d[key] = prediction[:1]
        return d
