"""Carrying masks from slice to slice, with a network that knows the truth and writes down what it was asked."""

import numpy as np
import pytest

from patchseg.seqpatch.propagation import Answer, carry, judge_clicked
from patchseg.seqpatch.shapes import dice
from patchseg.seqpatch.stopping import StopRules

SHAPE = (80, 80)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]
FREE = StopRules(least_area=0, least_confidence=0, least_dice=0, most_growth=1e9, most_drift=1e9, longest=1e9)


def disc(row, column, radius):
    return np.hypot(ROWS - row, COLUMNS - column) <= radius


def stack(*slices):
    return np.stack([np.zeros(SHAPE, bool) if s is None else s for s in slices], -1)


class Oracle:
    """Answers 0.9 inside the truth, 0.1 elsewhere."""

    def __init__(self, truth, confidence=None):
        self.truth = truth
        self.confidence = confidence or {}
        self.calls = []

    def __call__(self, points, reach=None):
        self.calls.append({index: list(where) for index, where in points.items()})
        return {
            index: Answer(
                np.where(self.truth[..., index], 0.9, 0.1).astype(np.float32), self.confidence.get(index, 0.8)
            )
            for index in points
        }


def segment(truth, foreground, background=None, rules=FREE, image=None, oracle=None, spacing=(1, 1, 1)):
    """The mask (H, W, slices) of clicks {slice: points}."""
    oracle = oracle or Oracle(truth)
    background = background or {}
    anchors = judge_clicked(oracle, foreground, background)
    image = truth * 1.0 if image is None else image
    found = carry(oracle, image, anchors, background, rules, spacing)
    mask = np.zeros(truth.shape, bool)
    for index, slice_ in found.items():
        mask[..., index] = slice_.mask
        assert np.array_equal(slice_.probability > 0.5, slice_.mask)
    return mask


def slices_of(mask):
    return np.flatnonzero(mask.any((0, 1))).tolist()


def test_one_click_both_ways_until_the_object_ends():
    truth = stack(
        None, disc(40, 40, 8), disc(40, 41, 12), disc(41, 42, 14), disc(42, 43, 12), disc(43, 44, 9), None
    )
    oracle = Oracle(truth)
    found = segment(truth, {3: [(41, 42)]}, oracle=oracle, rules=StopRules(most_drift=1e9))
    assert np.array_equal(found, truth)
    # the anchor, then the slices on either side in one call, each clicked in the middle of its neighbour
    assert [sorted(call) for call in oracle.calls] == [[3], [2, 4], [1, 5], [0, 6]]
    assert oracle.calls[1] == {2: [(41, 42)], 4: [(41, 42)]}
    np.testing.assert_allclose(oracle.calls[3][6], [(43, 44)])


def test_to_the_first_and_last_slice_and_not_beyond():
    truth = stack(*[disc(40, 40, 10)] * 3)
    assert slices_of(segment(truth, {1: [(40, 40)]}, rules=StopRules())) == [0, 1, 2]
    assert slices_of(segment(truth[..., :1], {0: [(40, 40)]}, rules=StopRules())) == [0]


def test_other_objects_and_holes():
    ring = disc(40, 30, 14) & ~disc(40, 30, 6)
    truth = stack(ring | disc(40, 65, 9), ring | disc(40, 65, 9))
    found = segment(truth, {0: [(40, 20)]})
    assert np.array_equal(found, stack(disc(40, 30, 14), disc(40, 30, 14)))


def test_a_click_beside_the_object():
    truth = stack(disc(40, 30, 10))
    assert segment(truth, {0: [(40, 42)]}).any()  # 2 pixels beside it
    assert not segment(truth, {0: [(40, 46)]}).any()


def test_growth_is_limited():
    truth = stack(disc(40, 40, 10), disc(40, 40, 30), disc(40, 40, 30))
    found = segment(truth, {0: [(40, 40)]})
    assert dice(found[..., 1], disc(40, 40, 15)) > 0.97  # 1.3 times the radius and two pixels
    assert dice(found[..., 2], disc(40, 40, 21.5)) > 0.97


LIKE = [disc(40, 40, 12)] * 6  # goes on for ever
OVER = {
    "least_area": (0.3, [*LIKE[:4], disc(40, 40, 6), disc(40, 40, 6)]),
    "least_dice": (0.5, [*LIKE[:4], disc(40, 52, 12), disc(40, 52, 12)]),
    "most_growth": (2.5, [*LIKE[:4], disc(40, 40, 25), disc(40, 40, 25)]),
}


@pytest.mark.parametrize("rule", OVER)
def test_each_rule_of_shape_alone_ends_the_object(rule):
    limit, slices = OVER[rule]
    truth = stack(*slices)
    assert slices_of(segment(truth, {1: [(40, 40)]})) == [0, 1, 2, 3, 4, 5]
    rules = StopRules(**{**vars(FREE), rule: limit})
    assert slices_of(segment(truth, {1: [(40, 40)]}, rules=rules)) == [0, 1, 2, 3]


def test_low_confidence_ends_it_and_is_reported():
    truth = stack(*LIKE)
    oracle = Oracle(truth, {4: 0.2})
    anchors = judge_clicked(oracle, {1: [(40, 40)]}, {})
    found = carry(oracle, truth * 1.0, anchors, {}, StopRules(**{**vars(FREE), "least_confidence": 0.3}))
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert not found[4].mask.any() and found[4].confidence == 0.2 and found[3].confidence == 0.8


@pytest.mark.parametrize("step, last", [(1.5, 5), (4.0, 3)])
def test_another_intensity_ends_it(step, last):
    truth = stack(*LIKE)
    image = np.random.default_rng(0).normal(0, 1, truth.shape) + 10 * truth
    image[..., 4:] += step * truth[..., 4:]
    rules = StopRules(**{**vars(FREE), "most_drift": 2.0})
    assert slices_of(segment(truth, {1: [(40, 40)]}, rules=rules, image=image))[-1] == last


def test_the_longest_reach_is_measured_in_mm():
    truth = stack(*[disc(40, 40, 12)] * 30)
    rules = StopRules(**{**vars(FREE), "longest": 1.0})
    for spacing, reach in (((1, 1, 1), 23), ((0.5, 0.5, 3.0), 3), ((0.5, 0.5, 6.0), 1)):
        assert slices_of(segment(truth, {0: [(40, 40)]}, rules=rules, spacing=spacing)) == list(range(reach + 1))


def test_between_two_anchors_along_the_path():
    centres = [(20 + 5 * k, 55 - 4 * k) for k in range(9)]
    truth = stack(*(disc(*centre, 7 + k) for k, centre in enumerate(centres)))
    oracle = Oracle(truth)
    rules = StopRules(**{**vars(FREE), "longest": 0.0})  # nothing outwards
    found = segment(truth, {0: [centres[0]], 8: [centres[8]]}, rules=rules, oracle=oracle)
    assert np.array_equal(found, truth)
    assert [sorted(call) for call in oracle.calls] == [[0, 8], [1, 7], [2, 6], [3, 5], [4]]
    for call in oracle.calls[1:]:
        for index, (point,) in call.items():
            assert np.hypot(*np.subtract(point, centres[index])) < 1.5


def test_between_anchors_the_object_cannot_end():
    truth = stack(disc(40, 30, 10), None, disc(60, 70, 5), None, disc(40, 40, 10))
    found = segment(truth, {0: [(40, 30)], 4: [(40, 40)]}, rules=StopRules(longest=0))
    for index in (1, 2, 3):
        assert dice(found[..., index], disc(40, 30 + 2.5 * index, 10)) > 0.9


def test_carried_on_from_the_outermost_anchors():
    truth = stack(None, *[disc(40, 40, 10)] * 7, None)
    assert slices_of(segment(truth, {3: [(40, 40)], 5: [(40, 40)]}, rules=StopRules())) == list(range(1, 8))


def test_an_anchor_where_nothing_is_found_is_left_to_the_others():
    truth = stack(disc(40, 40, 10), disc(40, 40, 10), disc(40, 40, 10))
    assert np.array_equal(segment(truth, {0: [(40, 40)], 2: [(5, 5)]}), truth)
    assert not segment(truth, {2: [(5, 5)]}).any()


def test_several_clicks_in_a_slice_are_carried_as_several_parts():
    two = disc(20, 20, 9) | disc(55, 55, 9)
    truth = stack(two | disc(20, 60, 9), two | disc(20, 60, 9), disc(20, 20, 9))
    oracle = Oracle(truth)
    found = segment(truth, {0: [(20, 20), (55, 55)]}, oracle=oracle)
    assert np.array_equal(found, stack(two, two, disc(20, 20, 9)))
    assert oracle.calls[1] == {1: [(20, 20), (55, 55)]}


def test_a_background_click_takes_what_is_nearer_to_it():
    both = disc(40, 30, 12) | disc(40, 52, 12)  # they touch
    truth = stack(both)
    cut = COLUMNS > 41  # between columns 30 and 52
    assert np.array_equal(segment(truth, {0: [(40, 30)]}, {0: [(40, 52)]}), stack(both & ~cut))
    # with a second foreground click beside it, less is taken
    found = segment(truth, {0: [(40, 30), (40, 42)]}, {0: [(40, 52)]})
    assert np.array_equal(found, stack(both & (COLUMNS <= 47)))


def test_a_background_click_amid_foreground_clicks_leaves_its_hole():
    truth = stack(disc(40, 40, 20))
    around_it = [(40, 26), (40, 54), (26, 40), (54, 40)]
    found = segment(truth, {0: around_it}, {0: [(40, 40)]})
    assert not found[34:47, 34:47].any() and all(found[row, column, 0] for row, column in around_it)


def test_a_background_click_in_a_carried_slice():
    both = disc(40, 30, 12) | disc(40, 50, 10)
    truth = stack(disc(40, 30, 12), both, both, both)
    wrong = segment(truth, {0: [(40, 30)]})
    assert wrong[40, 46, 1]
    found = segment(truth, {0: [(40, 30)]}, {1: [(40, 50)]})
    assert not found[:, 41:, 1].any() and np.array_equal(found[:, :40, 1], truth[:, :40, 1])
    assert np.array_equal(found[..., 0], wrong[..., 0])  # the slice clicked before stays
    assert found[..., 2].sum() < wrong[..., 2].sum()  # what follows starts from less


def test_a_background_click_in_the_middle_ends_the_object():
    truth = stack(*[disc(40, 40, 12)] * 6)
    oracle = Oracle(truth)
    assert slices_of(segment(truth, {1: [(40, 40)]}, {4: [(42, 41)]}, oracle=oracle)) == [0, 1, 2, 3]
    assert not any(4 in call for call in oracle.calls)
    two = disc(20, 20, 9) | disc(55, 55, 9)
    found = segment(stack(two, two, two), {0: [(20, 20), (55, 55)]}, {1: [(54, 56)]})
    assert np.array_equal(found, stack(two, disc(20, 20, 9), disc(20, 20, 9)))


def test_a_background_click_elsewhere_changes_nothing():
    truth = stack(*[disc(40, 40, 12)] * 3)
    for where in ((40, 75), (2, 2)):
        assert np.array_equal(segment(truth, {1: [(40, 40)]}, {0: [where], 1: [where]}), truth)


def test_a_background_click_between_anchors_empties_its_slice_alone():
    truth = stack(*[disc(40, 40, 12)] * 6)
    found = segment(truth, {0: [(40, 40)], 5: [(40, 40)]}, {2: [(40, 41)], 3: [(41, 40)]})
    assert slices_of(found) == [0, 1, 4, 5]
