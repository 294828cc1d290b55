"""The measures of interactive prostate segmentation: centroid distances, and those of the PROMISE12 challenge.

Masks are (X, Y, Z) or (1, X, Y, Z), zeros and ones, stored in any orientation; their affine (4, 4), voxel index to
RAS millimetres, says where the patient's sides are.

Reference: G. Litjens et al., Evaluation of prostate segmentation algorithms for MRI: the PROMISE12 challenge,
Medical Image Analysis 18 (2014) 359-373.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from monai.data import MetaTensor
from monai.metrics.utils import get_mask_edges, get_surface_distance
from monai.transforms import Orientation

from patchseg.denormals import denormals_kept
from patchseg.errors import InputError
from patchseg.geometry.network_grid import AXIS_LABELS
from patchseg.metrics import binary_pair, dice

PARTS = ("whole", "base", "apex")
CENTROID_MEASURES = ("cd_x_mm", "cd_y_mm", "cd_z_mm")
PERFECT = {"dsc": 1.0, "abd_mm": 0.0, "hd95_mm": 0.0, "arvd_percent": 0.0}
PROMISE12_MEASURES = tuple(f"{part}_{measure}" for part in PARTS for measure in PERFECT)


def centroid_distances(pred: torch.Tensor, label: torch.Tensor, affine: torch.Tensor) -> dict[str, float]:
    """How far the two centres of mass lie apart along the patient's axes, in mm (CD; Sequential patches, 5).

    Returns:
        `cd_x_mm` from side to side, `cd_y_mm` from front to back, `cd_z_mm` from feet to head, none with a sign.
        The axes are the world's, not those of the voxels, also in an oblique volume. NaN when a mask is empty.

    >>> pred, label = torch.zeros(9, 9, 9), torch.zeros(9, 9, 9)
    >>> pred[2:5, 4, 4] = label[2:5, 6, 3] = 1
    >>> centroid_distances(pred, label, torch.diag(torch.tensor([1.0, 0.5, 3.0, 1.0])))
    {'cd_x_mm': 0.0, 'cd_y_mm': 1.0, 'cd_z_mm': 3.0}
    """
    masks = binary_pair(pred, label)
    if not all(bool(mask.any()) for mask in masks):
        return dict.fromkeys(CENTROID_MEASURES, math.nan)
    p, r = (mask.nonzero().double().mean(0) for mask in masks)
    apart = torch.as_tensor(affine, dtype=torch.float64, device="cpu")[:3, :3] @ (p - r)
    return dict(zip(CENTROID_MEASURES, apart.abs().tolist(), strict=True))


def promise12_measures(pred: torch.Tensor, label: torch.Tensor, affine: torch.Tensor) -> dict[str, float]:
    """DSC, boundary distances and volume difference of the whole gland, its base and its apex, in 3-D.

    Base and apex are thirds of the slices that hold the reference, see `thirds`. A surface is that of the whole
    mask (voxels that share a face with the background). A part measures from the surface voxels of both masks
    in its slices to the nearest of the other's whole surface: the plane of the cut is no boundary, and an apex
    that the prediction misses counts with its distance.

    Returns:
        For each of `PARTS`: `<part>_dsc` (Dice, 0..1), `<part>_abd_mm` (average boundary distance, over the
        surface voxels of both masks), `<part>_hd95_mm` (the larger of the two directed 95th percentiles) and
        `<part>_arvd_percent` (absolute difference of the volumes over the reference's). An empty prediction has
        no distances: NaN, DSC 0, aRVD 100. A part without reference is all NaN.

    >>> pred, label = torch.zeros(8, 8, 6), torch.zeros(8, 8, 6)
    >>> label[2:6, 2:6] = 1
    >>> pred[2:6, 2:6, :5] = 1
    >>> found = promise12_measures(pred, label, torch.diag(torch.tensor([1.0, 1.0, 3.0, 1.0])))
    >>> [round(found[k], 3) for k in ("apex_dsc", "base_dsc", "base_arvd_percent", "whole_hd95_mm")]
    [1.0, 0.667, 50.0, 3.0]
    """
    p, r = (_feet_first(mask, affine) for mask in binary_pair(pred, label))
    if not r.any():
        return dict.fromkeys(PROMISE12_MEASURES, math.nan)
    distances = _surface_distances(p.numpy(), r.numpy(), r.pixdim.tolist()) if p.any() else []
    found: dict[str, float] = {}
    for part, slices in thirds(r.numpy()).items():
        predicted, reference = p[..., slices], r[..., slices]
        values = dict.fromkeys(PERFECT, math.nan)
        if reference.any():
            size, true_size = int(predicted.sum()), int(reference.sum())
            values["dsc"] = dice(predicted, reference)
            values["arvd_percent"] = 100 * abs(size - true_size) / true_size
            here = [mm[(slices.start <= level) & (level < slices.stop)] for level, mm in distances]
            known = [mm for mm in here if mm.size]
            if known:
                values["abd_mm"] = float(np.concatenate(known).mean())
                values["hd95_mm"] = float(max(np.percentile(mm, 95) for mm in known))
        found |= {f"{part}_{measure}": value for measure, value in values.items()}
    return found


def thirds(reference: np.ndarray) -> dict[str, slice]:
    """The slices of the parts, for a reference (X, Y, Z) whose slices run from the feet to the head.

    PROMISE12 divides the slices that hold the reference into three about equal parts: the apex is the third at
    the feet, the base the third at the head. Where the number is no multiple of three, both get the nearest
    whole number of slices. What a prediction adds beyond the reference's slices counts in the whole only.

    >>> mask = np.zeros((1, 1, 10))
    >>> mask[..., 2:9] = 1
    >>> thirds(mask)
    {'whole': slice(0, 10, None), 'base': slice(7, 9, None), 'apex': slice(2, 4, None)}
    """
    held = np.flatnonzero(reference.any(axis=(0, 1)))
    first, end = int(held[0]), int(held[-1]) + 1
    third = round((end - first) / 3)
    parts = {"whole": slice(0, reference.shape[-1]), "base": slice(end - third, end)}
    return parts | {"apex": slice(first, first + third)}


def promise12_score(measures: Mapping[str, float], observer: Mapping[str, float]) -> float:
    """The challenge's score of one case: 100 for the reference itself, 85 for a second observer.

    Each measure of each part is mapped to points on the line through those two, not below 0, and the twelve are
    averaged. The challenge took the second observer's values from readings of its own; they are not in this
    package, so the score is relative to the values given.

    Args:
        measures: as from `promise12_measures`. NaN, a distance that does not exist, scores 0.
        observer: what a second observer reaches, under the same keys.

    Raises:
        InputError: a key is missing in `observer`, or its value is perfect.

    >>> observer = {k: 0.9 if k.endswith("dsc") else 2.0 for k in PROMISE12_MEASURES}
    >>> round(promise12_score(observer, observer), 3)
    85.0
    """
    points = []
    for part in PARTS:
        for measure, perfect in PERFECT.items():
            key = f"{part}_{measure}"
            away = abs(observer.get(key, perfect) - perfect)
            if not away > 0:
                raise InputError(f"the second observer's {key} is missing or perfect: give what one reaches.")
            found = 100 - 15 * abs(measures[key] - perfect) / away
            points.append(max(found, 0.0) if not math.isnan(found) else 0.0)
    return float(np.mean(points))


def _feet_first(mask: torch.Tensor, affine: torch.Tensor) -> MetaTensor:
    """The mask (X, Y, Z) turned so that its axes run right, forward and up, without interpolation."""
    volume = MetaTensor(mask[None], affine=torch.as_tensor(affine, dtype=torch.float64, device="cpu"))
    return Orientation(axcodes="RAS", labels=AXIS_LABELS)(volume)[0]


def _surface_distances(
    pred: np.ndarray, label: np.ndarray, spacing: list[float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For the surface voxels of prediction, then reference: their slice, and mm to the other surface."""
    one, other = get_mask_edges(pred, label, crop=False)
    pairs = ((one, other), (other, one))
    with denormals_kept():
        return [(np.argwhere(a)[:, 2], get_surface_distance(a, b, spacing=spacing)) for a, b in pairs]
