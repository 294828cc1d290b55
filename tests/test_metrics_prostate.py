import itertools
import math

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation
from scipy.spatial.distance import cdist

from patchseg.errors import InputError
from patchseg.geometry.network_grid import AXIS_LABELS
from patchseg.metrics_prostate import (
    PARTS,
    PROMISE12_MEASURES,
    centroid_distances,
    promise12_measures,
    promise12_score,
    thirds,
)

SPACING = np.array([0.7, 0.9, 3.0])
RAS = torch.diag(torch.tensor([*SPACING, 1.0]))
ALL_48 = ["".join(c) for pairs in itertools.permutations(AXIS_LABELS) for c in itertools.product(*pairs)]


def ellipsoid(centre=(10, 11, 6), radii=(6, 7, 4.6), shape=(22, 24, 13)):
    away = sum(
        ((np.arange(n) - c) / r).reshape([-1 if a == b else 1 for b in range(3)]) ** 2
        for a, (n, c, r) in enumerate(zip(shape, centre, radii, strict=True))
    )
    return torch.from_numpy(away < 1)


def surface(mask):
    """Voxels with one of six neighbours outside, by definition."""
    padded = np.pad(mask, 1)
    shifts = [np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for step in (-1, 1)]
    return np.argwhere(mask & ~np.logical_and.reduce(shifts))


def directed(pred, label, slices):
    """Distances in mm from each mask's surface voxels in the slices to the other's whole surface."""
    one, other = (surface(m.numpy()) for m in (pred, label))
    between = cdist(one * SPACING, other * SPACING)
    there, back = between.min(1)[np.isin(one[:, 2], slices)], between.min(0)[np.isin(other[:, 2], slices)]
    return there, back


@pytest.mark.parametrize("moved", [(11, 11, 6), (10, 9, 7), (9, 12, 5)])
def test_against_the_definition(moved):
    label, pred = ellipsoid(), ellipsoid(moved, (5, 7.5, 4))
    found = promise12_measures(pred, label, RAS)
    held = np.flatnonzero(label.numpy().any((0, 1)))
    assert len(held) == 9
    for part, slices in {"whole": np.arange(13), "apex": held[:3], "base": held[-3:]}.items():
        there, back = directed(pred, label, slices)
        p, r = pred[..., slices], label[..., slices]
        assert found[f"{part}_abd_mm"] == pytest.approx(np.concatenate([there, back]).mean(), rel=1e-5)
        most = max(np.percentile(there, 95), np.percentile(back, 95))
        assert found[f"{part}_hd95_mm"] == pytest.approx(most, rel=1e-5)
        assert found[f"{part}_dsc"] == pytest.approx(float(2 * (p & r).sum() / (p.sum() + r.sum())))
        volume = 100 * abs(int(p.sum()) / int(r.sum()) - 1)
        assert found[f"{part}_arvd_percent"] == pytest.approx(volume)


@pytest.mark.parametrize("axes", ALL_48)
def test_the_affine_says_which_end_is_the_apex(axes):
    label, pred = ellipsoid(), ellipsoid()
    pred[..., :4] = False  # cut at the feet
    stored = [
        Orientation(axcodes=axes, labels=AXIS_LABELS)(MetaTensor(m[None].float(), affine=RAS))
        for m in (pred, label)
    ]
    found = promise12_measures(*stored, stored[1].affine)
    assert found == pytest.approx(promise12_measures(pred, label, RAS))
    assert found["base_dsc"] == 1 and found["apex_dsc"] < 0.8 and found["apex_hd95_mm"] >= 3
    assert centroid_distances(*stored, stored[1].affine) == pytest.approx(centroid_distances(pred, label, RAS))


@pytest.mark.parametrize("count, third", [(1, 0), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 3), (9, 3)])
def test_thirds(count, third):
    mask = np.zeros((2, 2, 12), bool)
    mask[..., 2 : 2 + count] = True
    found = thirds(mask)
    assert found["apex"] == slice(2, 2 + third) and found["base"] == slice(2 + count - third, 2 + count)


def test_a_missed_apex_keeps_its_distance():
    label, pred = ellipsoid(), ellipsoid()
    pred[..., :5] = False
    found = promise12_measures(pred, label, RAS)
    assert found["apex_dsc"] == 0 and found["apex_arvd_percent"] == 100
    assert found["apex_abd_mm"] > 3 and found["base_hd95_mm"] == 0


def test_empty_masks():
    label, empty = ellipsoid(), torch.zeros(22, 24, 13)
    missed = promise12_measures(empty, label, RAS)
    assert all(missed[f"{p}_dsc"] == 0 and missed[f"{p}_arvd_percent"] == 100 for p in PARTS)
    assert all(math.isnan(missed[f"{p}_{m}"]) for p in PARTS for m in ("abd_mm", "hd95_mm"))
    assert all(math.isnan(v) for v in promise12_measures(label, empty, RAS).values())
    assert set(missed) == set(PROMISE12_MEASURES)
    for pair in ((empty, label), (label, empty), (empty, empty)):
        assert all(math.isnan(v) for v in centroid_distances(*pair, RAS).values())
    one_slice = empty.clone()
    one_slice[5:9, 5:9, 4] = 1
    found = promise12_measures(one_slice, one_slice, RAS)
    assert found["whole_dsc"] == 1 and math.isnan(found["apex_dsc"]) and math.isnan(found["base_abd_mm"])


def test_centroids_of_an_oblique_volume_are_measured_along_the_patient():
    angle = math.radians(30)
    turned = torch.tensor(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    affine = torch.eye(4)
    affine[:3, :3] = turned @ torch.diag(torch.tensor([1.0, 1.0, 2.0]))
    label, pred = torch.zeros(9, 9, 9), torch.zeros(9, 9, 9)
    label[4, 4, 4] = pred[6, 4, 3] = 1
    found = centroid_distances(pred, label, affine)
    assert list(found.values()) == pytest.approx([2 * math.cos(angle), 2 * math.sin(angle), 2.0])


def test_score():
    observer = {k: 0.8 if k.endswith("dsc") else 4.0 for k in PROMISE12_MEASURES}
    perfect = {k: 1.0 if k.endswith("dsc") else 0.0 for k in PROMISE12_MEASURES}
    assert promise12_score(perfect, observer) == 100
    assert promise12_score(observer, observer) == pytest.approx(85)
    half = {k: (observer[k] + perfect[k]) / 2 for k in perfect}
    assert promise12_score(half, observer) == pytest.approx(92.5)
    # twelve measures, one of them hopeless and one missing: 0 points each, not less
    assert promise12_score(perfect | {"apex_abd_mm": 400.0}, observer) == pytest.approx(100 * 11 / 12)
    assert promise12_score(perfect | {"apex_abd_mm": math.nan}, observer) == pytest.approx(100 * 11 / 12)
    with pytest.raises(InputError, match="base_dsc is missing or perfect"):
        promise12_score(perfect, {k: v for k, v in observer.items() if k != "base_dsc"})
