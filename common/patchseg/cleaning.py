"""What is left of a predicted mask when its crumbs are swept up."""

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from scipy import ndimage


def main_parts(mask: np.ndarray, share: float = 0.25) -> np.ndarray:
    """The connected parts of a mask that have at least `share` of the largest part's voxels.

    Keeping only the largest would lose the second of two tumours; a fixed size would lose small ones.

    Args:
        mask: any number of dimensions; voxels that touch by a face are connected.

    Returns:
        bool, same shape.

    >>> main_parts(np.array([1, 1, 1, 1, 0, 1, 0, 1, 1]), share=0.5).astype(int)
    array([1, 1, 1, 1, 0, 0, 0, 1, 1])
    """
    parts, _ = ndimage.label(mask > 0)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= max(share * sizes.max(), 1))[parts]


class KeepMainPartsd(MapTransform):
    """Keep the main parts of each mask (1, ...), see `main_parts`; type and metadata stay."""

    def __init__(self, keys: KeysCollection, share: float = 0.25) -> None:
        super().__init__(keys)
        self.share = share

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            kept = torch.from_numpy(main_parts(np.asarray(d[key][0].cpu()), self.share))
            d[key] = d[key] * kept[None].to(d[key])
        return d
