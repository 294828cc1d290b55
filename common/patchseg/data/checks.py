"""Refuse scans and labels that cannot be worked with, by file name, before anything is computed from them."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.transforms import MapTransform

from patchseg.errors import InputError

MAX_SPACING_MM = 100.0
CORNER_TOLERANCE = 0.1  # of the smallest voxel side: rounding in headers passes, a shift or a flip does not


class CheckScand(MapTransform):
    """Refuse an image that cannot be worked with: empty, NaN, constant, or with an impossible affine.

    Args:
        keys: images, MetaTensors (1, X, Y, Z) with 4x4 affine.

    Raises:
        InputError: no voxels; NaN or infinite values; one value everywhere; an affine with NaN, a spacing
            that is 0 or above 100 mm, or axes in one plane.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key]
            file = file_of(image, key)
            if image.numel() == 0:
                raise InputError(f"{file} holds no voxels (shape {tuple(image.shape)}); export it again.")
            values = image.as_tensor() if isinstance(image, MetaTensor) else image
            lowest, highest = values.aminmax()  # NaN where there is one
            if not (torch.isfinite(lowest) and torch.isfinite(highest)):
                raise InputError(f"{file} holds NaN or infinite values; replace them or export it again.")
            if lowest == highest:
                raise InputError(f"{file} has the value {lowest:g} everywhere; give an image with content.")
            _check_affine(np.asarray(image.affine, dtype=float), file)
        return d


class CheckLabeld(MapTransform):
    """Refuse a label with unexpected values, or one that does not lie on its image.

    Image and label must have the same shape, and their eight corner voxels the same positions in the world to
    within a tenth of the smallest voxel side (headers round differently from program to program; a shift by
    one voxel, a flip or another spacing is far more).

    Args:
        keys: labels, MetaTensors (1, X, Y, Z).
        image_key: the image they belong to.
        values: the whole numbers a label may hold, e.g. [0, 1, 2].

    Raises:
        InputError: other values (they are listed), another shape, or another position.
    """

    def __init__(
        self, keys: KeysCollection, image_key: str, values: Sequence[int], allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key
        self.values = sorted(values)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        image = d[self.image_key]
        image_file = file_of(image, self.image_key)
        for key in self.key_iterator(d):
            label = d[key]
            file = file_of(label, key)
            found = np.unique(np.asarray(label))
            wrong = [f"{value:g}" for value in found if value not in self.values]
            if wrong:
                more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
                raise InputError(
                    f"{file} holds the label values {', '.join(wrong[:5])}{more}; allowed are {self.values}."
                )
            if label.shape != image.shape:
                raise InputError(
                    f"{file} has shape {tuple(label.shape[1:])} but its image {image_file} has "
                    f"{tuple(image.shape[1:])}; resample the label to the image."
                )
            apart, side = _corners_apart(image, label), float(min(affine_to_spacing(image.affine)))
            if not apart <= CORNER_TOLERANCE * side:
                raise InputError(
                    f"{file} lies {apart:.3g} mm off its image {image_file}; give both headers the same "
                    "spacing, origin and orientation."
                )
        return d


def file_of(image: Any, key: Hashable) -> str:
    """File an image was loaded from, for messages; its key if it came from no file."""
    return str(getattr(image, "meta", {}).get("filename_or_obj") or key)


def _check_affine(affine: np.ndarray, file: str) -> None:
    if not np.isfinite(affine).all():
        raise InputError(f"{file} has an affine with NaN or infinite entries; repair the header.")
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    if not ((sides > 0) & (sides <= MAX_SPACING_MM)).all():
        shown = " x ".join(f"{mm:g}" for mm in sides)
        raise InputError(f"{file} has a spacing of {shown} mm; repair the header (0 to {MAX_SPACING_MM:g} mm).")
    if abs(np.linalg.det(affine[:3, :3] / sides)) < 1e-3:
        raise InputError(f"{file} has a singular affine, its axes lie in one plane; repair the header.")


def _corners_apart(image: MetaTensor, label: MetaTensor) -> float:
    """Largest distance in mm between the same corner voxel of image and label."""
    corners = np.array([[*index, 1] for index in product(*((0, n - 1) for n in image.shape[1:]))], dtype=float)
    shift = np.asarray(image.affine, dtype=float) - np.asarray(label.affine, dtype=float)
    return float(np.linalg.norm((corners @ shift.T)[:, :3], axis=1).max())
