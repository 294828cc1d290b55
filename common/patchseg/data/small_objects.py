"""Specks of a prediction that are too small to be what is looked for."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type
from scipy import ndimage


class RemoveSmalld(MapTransform):
    """Remove the objects of a mask that are smaller than so many cubic millimetres.

    An object is what hangs together by the sides of its voxels. Not MONAI's RemoveSmallObjectsd: with
    scikit-image 0.26 it warns for every case, and also removes the objects of just the smallest volume.

    Args:
        keys: masks, (1, X, Y, Z) MetaTensors of zeros and ones; their affine gives the voxel's size.
        min_mm3: the smallest volume that stays.

    >>> mask = torch.zeros(1, 6, 6, 2)
    >>> mask[0, 0, 0, 0], mask[0, 3:5, 3:5] = 1, 1  # 1 and 8 voxels of 2 x 1 x 1 mm
    >>> mask = MetaTensor(mask, affine=torch.diag(torch.tensor([2.0, 1.0, 1.0, 1.0])))
    >>> int(RemoveSmalld("pred", min_mm3=3)({"pred": mask})["pred"].sum())
    8
    """

    def __init__(self, keys: KeysCollection, min_mm3: float, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.min_mm3 = float(min_mm3)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            mask: MetaTensor = d[key]
            objects, _ = ndimage.label(mask[0].cpu().numpy() != 0)
            large = np.bincount(objects.ravel()) * float(torch.prod(mask.pixdim)) >= self.min_mm3
            large[0] = False  # the background
            d[key] = convert_to_dst_type(large[objects][None], mask)[0]
        return d
