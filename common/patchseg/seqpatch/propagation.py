"""From the slices that were clicked to their neighbours, by the mask found so far."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import dist
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from .shapes import (
    Point,
    around,
    between,
    blurred,
    core,
    depth,
    dice,
    grown,
    interior_point,
    nearer,
    parts,
    touching,
)
from .stopping import StopRules

CLICKED = 3.0  # pixels: a part of the answer this near to a click is what was clicked
HELD = 0.51  # probability of pixels that the shape holds in the mask and the network would not


class Answer(NamedTuple):
    """What the network says of a slice: probability (H, W) and how far its patches agree, both 0 to 1."""

    probability: np.ndarray
    confidence: float


class Found(NamedTuple):
    """A slice of the result: mask (H, W) bool, and an `Answer` that is above 0.5 in the mask and nowhere else."""

    mask: np.ndarray
    probability: np.ndarray
    confidence: float


Clicks = Mapping[int, Sequence[Point]]  # the points of each slice
Reach = Mapping[int, float]  # of each slice: rows or columns from its points to the last pixel to be found
Ask = Callable[[Clicks, Reach | None], Mapping[int, Answer]]  # judges slices with their points, all at once


def judge_clicked(ask: Ask, foreground: Clicks, background: Clicks) -> dict[int, Found]:
    """The slices with foreground clicks: the anchors, judged in one call.

    What the clicks of a slice give is joined, holes are filled, and only the parts within 3 pixels of a click are
    kept. A background click takes away what is nearer to it than to any foreground click of its slice.
    """
    anchors = {}
    for index, answer in ask(foreground, None).items():
        clicks, shape = foreground[index], answer.probability.shape
        seeds = around(clicks, CLICKED, shape)
        taken = nearer(background.get(index, ()), clicks, shape)
        anchors[index] = _found(touching(_whole(answer, seeds) & ~taken, seeds), answer)
    return anchors


def carry(
    ask: Ask,
    volume: np.ndarray,
    anchors: Mapping[int, Found],
    background: Clicks,
    rules: StopRules,
    spacing: Sequence[float] = (1, 1, 1),
) -> dict[int, Found]:
    """Carry the masks of the anchors to the slices beside them: outwards until the object ends, and between them.

    A carried slice is clicked in the middle of each part of the mask that is expected there. Outwards, this is
    the mask of the neighbour; between two anchors, the shape on the straight path from one to the other, drawn
    anew from both sides as they approach each other. That expected mask also takes part in the judgement: a
    slice's answer is averaged with it, `rules.prior` its weight. Between anchors the object cannot end: where an
    answer is unlike the expected mask, that mask stands.

    A background click takes away, in its slice, what is nearer to it than to the points clicked there; in the
    middle of a part (within half its depth) it ends this part. The slices further out follow from what is left.

    Args:
        ask: the network.
        volume: (H, W, slices) intensities.
        anchors: from `judge_clicked`; an empty one is left to its neighbours.
        background: background clicks.
        rules: when the object has ended.
        spacing: of rows, columns, slices in mm.

    Returns:
        All slices that were judged, with empty masks where the object has ended.
    """
    if not any(anchor.mask.any() for anchor in anchors.values()):
        return dict(anchors)
    carrying = _Carrying(volume, anchors, background, rules, spacing)
    while steps := [*carrying.inwards(), *carrying.outwards()]:
        points = [carrying.points(step) for step in steps]
        asked = [(step, where) for step, where in zip(steps, points, strict=True) if where]
        reach = {step.index: carrying.reach(step, where) for step, where in asked}
        answers = ask({step.index: where for step, where in asked}, reach)
        for step, where in zip(steps, points, strict=True):
            carrying.fill(step, where, answers.get(step.index))
    return dict(anchors) | carrying.found


class _Step(NamedTuple):
    """A slice to fill next, with the mask expected there; direction -1 or 1 outwards, 0 between anchors."""

    index: int
    expected: np.ndarray
    direction: int


class _Carrying:
    """The slices found so far, and how each next one follows from them."""

    def __init__(
        self,
        volume: np.ndarray,
        anchors: Mapping[int, Found],
        background: Clicks,
        rules: StopRules,
        spacing: Sequence[float],
    ) -> None:
        self.volume = volume
        self.background = background
        self.rules = rules
        self.spacing = spacing
        self.away = spacing[2] / spacing[0]  # from slice to slice, in pixels
        self.found = {index: anchor for index, anchor in anchors.items() if anchor.mask.any()}
        self.outermost = {-1: min(self.found), 1: max(self.found)}  # anchors
        self.reached = dict(self.outermost)  # the last slice on each side where the object still goes on

    def inwards(self) -> Iterator[_Step]:
        inside = sorted(k for k in self.found if self.outermost[-1] <= k <= self.outermost[1])
        for low, high in pairwise(inside):
            for index in sorted({low + 1, high - 1} - {low, high}):
                share = (index - low) / (high - low)
                yield _Step(index, between(self.found[low].mask, self.found[high].mask, share), 0)

    def outwards(self) -> Iterator[_Step]:
        largest = max(int(slice_.mask.sum()) for slice_ in self.found.values())
        for direction, last in self.reached.items():
            away = abs(last + direction - self.outermost[direction])
            inside = 0 <= last + direction < self.volume.shape[2]
            if inside and not self.rules.too_far(away, largest, self.spacing):
                yield _Step(last + direction, self.found[last].mask, direction)

    def points(self, step: _Step) -> list[Point]:
        points = []
        for part in parts(step.expected):
            point, reach = interior_point(part), depth(part).max() / 2
            if all(dist(point, click) > reach for click in self.background.get(step.index, ())):
                points.append(point)
        return points

    def reach(self, step: _Step, points: Sequence[Point]) -> float:
        away = np.abs(np.argwhere(self._limits(step))[:, None] - np.array(points)).max(2)
        return float(away.min(1).max())

    def _limits(self, step: _Step) -> np.ndarray:
        return grown(step.expected, self.rules.growth, self.rules.margin)

    def fill(self, step: _Step, points: Sequence[Point], answer: Answer | None) -> None:
        shape, seeds = self.volume.shape[:2], core(step.expected)
        answer = self._with_prior(answer, step.expected) if answer else Answer(np.zeros(shape, np.float32), 0.0)
        taken = nearer(self.background.get(step.index, ()), points, shape)
        whole = _whole(answer, seeds)
        mask = touching(whole & self._limits(step) & ~taken, seeds)
        if step.direction and self._ended(step, mask, whole, answer.confidence):
            del self.reached[step.direction]
            mask = np.zeros_like(mask)
        elif step.direction:
            self.reached[step.direction] = step.index
        elif dice(mask, step.expected & ~taken) < self.rules.least_dice:
            mask = step.expected & ~taken
        self.found[step.index] = _found(mask, answer)

    def _with_prior(self, answer: Answer, expected: np.ndarray) -> Answer:
        prior = self.rules.prior * blurred(expected, 0.5 + self.away / 2)
        return answer._replace(probability=(1 - self.rules.prior) * answer.probability + prior)

    def _ended(self, step: _Step, mask: np.ndarray, whole: np.ndarray, confidence: float) -> bool:
        anchor = self.outermost[step.direction]
        image, anchor_image = self.volume[..., step.index], self.volume[..., anchor]
        anchor_mask = self.found[anchor].mask
        return (
            confidence < self.rules.least_confidence
            or self.rules.changed(mask, whole, step.expected, anchor_mask)
            or self.rules.drifted(image[mask], anchor_image[anchor_mask], float(anchor_image.std()))
        )


def _whole(answer: Answer, seeds: np.ndarray) -> np.ndarray:
    """The parts of an answer that touch the seeds, their holes filled."""
    return ndimage.binary_fill_holes(touching(answer.probability > 0.5, seeds))


def _found(mask: np.ndarray, answer: Answer) -> Found:
    beyond = np.where(answer.probability > 0.5, 0, answer.probability)
    probability = np.where(mask, np.maximum(answer.probability, HELD), beyond)
    return Found(mask, probability.astype(np.float32), answer.confidence)
