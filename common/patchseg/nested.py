"""Structures that lie one inside the other, such as the cavity of the heart inside its wall."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import torch
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type
from scipy import ndimage

from patchseg.errors import InputError
from patchseg.seqpatch.shapes import depth

TOUCHING = np.ones((3, 3, 1), bool)  # a pixel and its eight neighbours in the slice


def class_numbers(
    values: Sequence[int], structures: Sequence[str], labels: Mapping[str, Sequence[int]]
) -> list[int]:
    """The class of each label value: 1 for the first structure, 2 for the second, 0 for all that is none of them.

    Args:
        values: label values that may occur.
        structures: names, from the inside out.
        labels: which values each structure has in the label files.

    Raises:
        InputError: a structure that `labels` does not know, or none.

    >>> class_numbers([0, 1, 2, 3], ["cavity", "myocardium"], {"cavity": [3], "myocardium": [2]})
    [0, 0, 2, 1]
    """
    unknown = [name for name in structures if name not in labels]
    if unknown or not structures:
        raise InputError(f"structures is {list(structures)}; choose from {list(labels)}, from the inside out.")
    class_of = {value: number for number, name in enumerate(structures, 1) for value in labels[name]}
    return [class_of.get(value, 0) for value in values]


def nested_mask(probability: np.ndarray) -> np.ndarray:
    """Classes of which each encloses the one before, in every slice and at every pixel.

    Class 1 is the innermost. The border around classes 1 to n runs where they are together more likely than all
    that lies outside: the endocardium around the cavity, the epicardium around cavity and myocardium. So borders
    never cross. What is inside each is one connected part, without holes in any slice: the one with the largest
    discs in its slices, their areas summed, since the ventricle is round in one slice after the other and what is
    mistaken for it mostly is not. And it reaches at least a pixel beyond what it encloses.

    Args:
        probability: (classes, rows, columns, slices), 0 the outside; sums to 1 over classes.

    Returns:
        (rows, columns, slices) uint8, the number of the class.

    >>> line = np.array([[0.9, 0.2, 0.1, 0.9], [0.0, 0.2, 0.9, 0.1], [0.1, 0.6, 0.0, 0.0]])
    >>> nested_mask(line[:, None, :, None])[0, :, 0]  # the cavity's wall is a pixel thick where none was seen
    array([0, 2, 1, 2], dtype=uint8)
    """
    inside = np.cumsum(probability[1:], axis=0) > 0.5
    regions = [_roundest(inside[-1])]
    for region in inside[-2::-1]:
        regions.insert(0, _roundest(region & regions[0]))
    mask = np.zeros(probability.shape[1:], np.uint8)
    enclosed = np.zeros_like(mask, bool)
    for number, region in enumerate(regions, start=1):
        wider = region | ndimage.binary_dilation(enclosed, TOUCHING)
        filled = np.stack([ndimage.binary_fill_holes(slice_) for slice_ in np.moveaxis(wider, -1, 0)], -1)
        mask[filled & ~enclosed] = number
        enclosed = filled
    return mask


def _roundest(region: np.ndarray) -> np.ndarray:
    """The connected part that holds the largest discs, the largest of each slice, by their areas' sum."""
    parts, count = ndimage.label(region)
    if count < 2:
        return region
    areas = np.zeros(count + 1)
    for part, region_here in zip(np.moveaxis(parts, -1, 0), np.moveaxis(region, -1, 0), strict=True):
        here = np.unique(part[part > 0])
        areas[here] += np.square(ndimage.maximum(depth(region_here), part, here))
    return parts == np.argmax(areas)


class NestedMaskd(MapTransform):
    """Logits (classes, rows, columns, slices) to a mask (1, rows, columns, slices) uint8, see `nested_mask`."""

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            probability = torch.as_tensor(d[key]).float().softmax(0).cpu().numpy()
            d[key] = convert_to_dst_type(nested_mask(probability)[None], d[key], dtype=torch.uint8)[0]
        return d
