"""When a carried object has ended."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .shapes import dice


@dataclass(frozen=True)
class StopRules:
    """How far the mask may change from slice to slice, and what ends it.

    The anchor is the outermost clicked slice on that side, the previous mask that of the neighbour slice.

    Attributes:
        prior: weight, 0 to 1, of the mask expected in a carried slice against what the network says of it. The
            edge of that mask is blurred by half the distance of the slices: so far an outline usually moves.
        growth, margin: a carried mask stays within the previous one dilated to `growth` times its radius plus
            `margin` pixels. This limits it without ending it.
        least_area: a mask smaller than this part of the anchor's ends the object.
        least_confidence: so do patches that agree less than this (see `SliceAnswer`),
        least_dice: a mask that overlaps the previous one less,
        most_growth: an answer that, before it is limited, covers this many times the previous mask's area,
        most_drift: a mean intensity inside that lies this many standard deviations of the intensities inside the
            anchor from their mean,
        longest: a slice further from the anchor than this many diameters of the largest slice found.
    """

    prior: float = 0.4
    growth: float = 1.3
    margin: float = 2.0
    least_area: float = 0.05
    least_confidence: float = 0.3
    least_dice: float = 0.4
    most_growth: float = 2.5
    most_drift: float = 1.5
    longest: float = 2.5

    def too_far(self, slices: int, largest: int, spacing: Sequence[float]) -> bool:
        """Whether a slice lies beyond `longest`.

        Args:
            slices: from the anchor. largest: pixels of the largest mask found.
            spacing: of rows, columns and slices, in mm or any other unit.
        """
        diameter = 2 * np.sqrt(largest * spacing[0] * spacing[1] / np.pi)
        return slices * spacing[2] > self.longest * diameter

    def changed(self, mask: np.ndarray, whole: np.ndarray, previous: np.ndarray, anchor: np.ndarray) -> bool:
        """Whether a mask is too small, too unlike the previous one, or was far larger before it was limited.

        Args:
            mask: of this slice. whole: the same before it was limited. previous, anchor: of those slices.
        """
        return bool(
            mask.sum() < max(self.least_area * anchor.sum(), 1)
            or dice(mask, previous) < self.least_dice
            or whole.sum() > self.most_growth * previous.sum()
        )

    def drifted(self, inside: np.ndarray, inside_anchor: np.ndarray, slice_spread: float) -> bool:
        """Whether the intensities inside have moved away from those inside the anchor.

        Args:
            inside, inside_anchor: intensities, any number each.
            slice_spread: standard deviation of the anchor's whole slice; a tenth of it is the least unit, so that
                a perfectly even object is not ended by noise.
        """
        unit = max(inside_anchor.std(), slice_spread / 10)
        return bool(abs(inside.mean() - inside_anchor.mean()) > self.most_drift * unit)
