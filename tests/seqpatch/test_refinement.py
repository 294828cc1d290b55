"""Outlines from probabilities."""

import numpy as np
import pytest
import torch

from patchseg.errors import InputError
from patchseg.seqpatch import ClickInferer
from patchseg.seqpatch.refinement import REFINEMENTS, chan_vese, none


def _blurred_disc(radius: float = 14, width: float = 1.2) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.ogrid[:64, :64]
    distance = radius - np.hypot(row - 30, column - 33)
    return 1 / (1 + np.exp(-distance / width)), distance > 0


@pytest.mark.parametrize("name", list(REFINEMENTS))
def test_a_blurred_disc_keeps_its_outline(name: str) -> None:
    probability, disc = _blurred_disc()
    found = REFINEMENTS[name](probability) > 0.5
    assert 2 * (found & disc).sum() / (found.sum() + disc.sum()) > 0.95


def test_the_level_set_smooths_a_ragged_outline() -> None:
    probability, disc = _blurred_disc()
    ragged = np.clip(probability + 0.35 * np.random.default_rng(0).standard_normal(probability.shape), 0, 1)
    wrong = [((refine(ragged) > 0.5) != disc).sum() for refine in (none, chan_vese)]
    assert wrong[1] < wrong[0] / 2


def test_nothing_sure_stays_as_it_is() -> None:
    probability = np.full((20, 20), 0.6)
    assert chan_vese(probability) is probability


def test_the_inferer_uses_it_and_names_a_wrong_one() -> None:
    inputs = torch.zeros(1, 3, 64, 64, 1)
    inputs[0, 0, ..., 0] = torch.from_numpy(_blurred_disc()[0])
    inputs[0, 1, 30, 33, 0] = 1
    found = ClickInferer(refinement="chan_vese")(inputs, lambda patches: 5 * patches)
    assert (found[0, 0] > 0.5).sum() > 300
    with pytest.raises(InputError, match="snake"):
        ClickInferer(refinement="snake")
