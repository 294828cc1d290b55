"""What several clicks mean together, with a network that answers as each test wants."""

import numpy as np
import pytest

from patchseg.seqpatch.corrections import follow_clicks, remembering
from patchseg.seqpatch.propagation import Answer, carry, judge_clicked
from patchseg.seqpatch.shapes import dice
from patchseg.seqpatch.stopping import StopRules

SHAPE = (80, 80)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]
FREE = StopRules(least_area=0, least_confidence=0, least_dice=0, most_growth=1e9, most_drift=1e9, longest=1e9)


def disc(row, column, radius):
    return np.hypot(ROWS - row, COLUMNS - column) <= radius


class Near:
    """Sees the disc of radius 10 around each point and nothing beyond `seen`, the same in every slice."""

    def __init__(self, seen):
        self.seen = seen
        self.asked = 0

    def __call__(self, points, reach=None):
        self.asked += len(points)
        return {
            index: Answer(np.where(self.seen & np.any([disc(*p, 10) for p in where], 0), 0.9, 0.1), 0.8)
            for index, where in points.items()
        }


def follow(ask, foreground, background=None, slices=7, rules=FREE):
    volume = np.zeros((*SHAPE, slices))
    mask = np.zeros(volume.shape, bool)
    for index, slice_ in follow_clicks(ask, volume, foreground, background or {}, rules).items():
        mask[..., index] = slice_.mask
        assert np.array_equal(slice_.probability > 0.5, slice_.mask)
    return mask


def test_one_click_is_judged_and_carried():
    ask, volume = Near(disc(40, 40, 8)), np.zeros((*SHAPE, 7))
    carried = carry(ask, volume, judge_clicked(ask, {3: [(40, 40)]}, {}), {}, FREE)
    found = follow_clicks(ask, volume, {3: [(40, 40)]}, {}, FREE)
    assert carried.keys() == found.keys() == set(range(7))
    assert all(np.array_equal(carried[k].mask, found[k].mask) and found[k].mask.any() for k in found)


def test_a_click_beside_the_mask_adds_what_was_missed():
    oval = (np.hypot((ROWS - 40) / 8, (COLUMNS - 48) / 20)) <= 1  # too long for one click on its left half
    one = follow(Near(oval), {3: [(40, 38)]})
    two = follow(Near(oval), {3: [(40, 38)], 5: [(40, 58)]})
    assert not one[40, 58, 5]
    assert two[40, 58, 5]
    assert not (one & ~two)[..., 5].any()  # and nothing that was right is lost
    assert two[..., 5].sum() > 1.3 * one[..., 5].sum()


@pytest.mark.parametrize("at", [(41, 42), (40, 47), (34, 40), (52, 52)])
def test_a_foreground_click_elsewhere_adds_and_takes_nothing_away(at):
    truth = disc(40, 40, 8) | disc(52, 52, 3)
    one, two = follow(Near(truth), {1: [(40, 40)]}), follow(Near(truth), {1: [(40, 40)], 5: [at]})
    assert not (one & ~two)[..., 5].any()
    assert two[(*at, 5)]
    assert not (two & ~one & ~disc(*at, 10)[..., None])[..., 5].any(), "what is new is near the click"


@pytest.mark.parametrize("at", [(40, 52), (42, 41), (33, 45), (60, 60)])
@pytest.mark.parametrize("index", [1, 3, 6])
def test_a_background_click_only_takes_away(at, index):
    oval = (np.hypot((ROWS - 40) / 8, (COLUMNS - 46) / 14)) <= 1
    without = follow(Near(oval), {3: [(40, 40)]})
    found = follow(Near(oval), {3: [(40, 40)]}, {index: [at]})
    assert not (found & ~without).any()
    assert not found[(*at, index)]


def test_a_slice_is_asked_for_once_with_the_same_points():
    ask = Near(disc(40, 40, 8))
    recall = remembering(ask)
    first = recall({0: [(40, 40)], 1: [(40, 41)]})
    again = recall({1: [(40, 41)], 2: [(40, 40)]})
    assert ask.asked == 3
    assert first[1] is again[1]
    assert list(recall({})) == []
    recall({1: [(40, 41)]}, {1: 20.0})
    assert ask.asked == 4, "rays of another length see something else"


def test_the_mask_expected_in_a_slice_takes_part_in_its_judgement():
    truth = disc(40, 40, 9)
    leaking = truth | ((abs(ROWS - 40) < 3) & (COLUMNS > 40))  # what the network says beside the clicked slice

    class Leaks(Near):
        def __call__(self, points, reach=None):
            seen = {index: truth if index == 3 else leaking for index in points}
            return {index: Answer(np.where(seen[index], 0.7, 0.1), 0.8) for index in points}

    alone, with_prior = (
        follow(Leaks(truth), {3: [(40, 40)]}, rules=StopRules(**{**vars(FREE), "prior": prior}))
        for prior in (0.0, 0.4)
    )
    assert dice(with_prior[..., 4], truth) > 0.97 > dice(alone[..., 4], truth)
    assert np.array_equal(with_prior[..., 3], truth)
