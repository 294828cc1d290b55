import numpy as np
import pytest

from patchseg.seqpatch.stopping import StopRules


def square(side, column=0):
    mask = np.zeros((40, 40), bool)
    mask[:side, column : column + side] = True
    return mask


def test_distance_in_diameters():
    rules = StopRules(longest=1.5)
    area = round(np.pi * 20**2)  # 40 pixels, 20 mm across: 30 mm are allowed
    assert not rules.too_far(10, area, (0.5, 0.5, 3.0))
    assert rules.too_far(11, area, (0.5, 0.5, 3.0))
    assert not rules.too_far(60, area, (1, 1, 1))


@pytest.mark.parametrize(
    "rule, kept, ended",
    [
        ("least_area", square(5), square(4)),  # of 10 x 10: a quarter or less
        ("least_dice", square(10, 5), square(10, 7)),  # half or less in common
    ],
)
def test_changes_of_the_mask(rule, kept, ended):
    limits = {"least_area": 0.2, "least_dice": 0.45}
    rules = StopRules(**({"least_area": 0, "least_dice": 0} | {rule: limits[rule]}))
    assert not rules.changed(kept, kept, square(10), square(10))
    assert rules.changed(ended, ended, square(10), square(10))


def test_growth_counts_before_it_is_limited():
    rules = StopRules(most_growth=2.0)
    assert not rules.changed(square(12), square(14), square(10), square(10))
    assert rules.changed(square(12), square(15), square(10), square(10))


def test_an_empty_mask_ends_it_whatever_the_rules_allow():
    assert StopRules(least_area=0, least_dice=0).changed(square(0), square(0), square(10), square(10))


def test_drift_in_spreads_of_the_anchor():
    inside = np.array([8.0, 10, 12])  # mean 10, standard deviation 1.63
    rules = StopRules(most_drift=2.0)
    assert not rules.drifted(np.array([13.0]), inside, 0.0) and rules.drifted(np.array([13.5]), inside, 0.0)
    assert not rules.drifted(np.array([7.0]), inside, 0.0) and rules.drifted(np.array([6.5]), inside, 0.0)
    even = np.full(9, 10.0)
    assert not rules.drifted(np.array([10.9]), even, 5.0) and rules.drifted(np.array([11.1]), even, 5.0)
