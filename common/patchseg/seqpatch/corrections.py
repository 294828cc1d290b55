"""What several clicks mean together: each click changes a mask only in the direction that it was given for."""

from collections.abc import Mapping, Sequence

import numpy as np

from .propagation import Answer, Ask, Clicks, Found, Reach, carry, judge_clicked
from .shapes import Point
from .stopping import StopRules


def follow_clicks(
    ask: Ask,
    volume: np.ndarray,
    foreground: Clicks,
    background: Clicks,
    rules: StopRules,
    spacing: Sequence[float] = (1, 1, 1),
    ask_carried: Ask | None = None,
) -> dict[int, Found]:
    """All slices of the object, from all clicks.

    The clicked slice that shows most of the object is carried first (see `carry`). What a foreground click
    elsewhere gives is added to the mask carried there, and anchors its slice. Background clicks only take away:
    nothing is found with them that would not be found without.

    Args:
        ask: the network; slices asked for again with the same points should come from memory (`remembering`).
        volume: (H, W, slices) intensities.
        foreground, background: the clicks of each slice.
        rules: when the object has ended.
        spacing: of rows, columns, slices in mm.
        ask_carried: the network for slices that a mask is carried to; None takes `ask`.
    """
    asks = (ask, ask_carried or ask)
    if background:
        without = _carried(*asks, volume, foreground, {}, rules, spacing)
        found = _carried(*asks, volume, foreground, background, rules, spacing)
        return {k: _within(slice_, without[k]) for k, slice_ in found.items() if k in without}
    return _carried(*asks, volume, foreground, background, rules, spacing)


def remembering(ask: Ask) -> Ask:
    """`ask`, which answers each slice with the same points and reach only once."""
    known: dict[tuple[int, tuple[Point, ...], float | None], Answer] = {}

    def recall(points: Clicks, reach: Reach | None = None) -> Mapping[int, Answer]:
        wanted = {index: (index, tuple(where), reach and reach[index]) for index, where in points.items()}
        new = {index: points[index] for index, key in wanted.items() if key not in known}
        if new:
            known.update({wanted[index]: answer for index, answer in ask(new, reach).items()})
        return {index: known[key] for index, key in wanted.items() if key in known}

    return recall


def _carried(
    ask: Ask,
    ask_carried: Ask,
    volume: np.ndarray,
    foreground: Clicks,
    background: Clicks,
    rules: StopRules,
    spacing: Sequence[float],
) -> dict[int, Found]:
    anchors = judge_clicked(ask, foreground, background)
    if len(anchors) > 1:
        first = max(anchors, key=lambda k: int(anchors[k].mask.sum()))
        carried = carry(ask_carried, volume, {first: anchors[first]}, background, rules, spacing)
        for index in anchors.keys() & carried.keys() - {first}:
            anchors[index] = _together(anchors[index], carried[index])
    return carry(ask_carried, volume, anchors, background, rules, spacing)


def _together(one: Found, other: Found) -> Found:
    probability = np.maximum(one.probability, other.probability)
    return Found(one.mask | other.mask, probability, min(one.confidence, other.confidence))


def _within(slice_: Found, limits: Found) -> Found:
    mask = slice_.mask & limits.mask
    return slice_._replace(
        mask=mask, probability=np.where(mask, slice_.probability, slice_.probability.clip(max=0.5))
    )
