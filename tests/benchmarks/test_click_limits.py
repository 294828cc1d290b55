"""Other ways to ask a network: on a disc that a threshold finds they all agree, and each does what it says."""

import click_limits
import numpy as np
import pytest
import torch
from table_clicks import click_limits as table

from patchseg.seqpatch import judge_slices
from patchseg.seqpatch.shapes import around, dice

DISC = around([(50, 44)], 13, (96, 90))
IMAGE = torch.from_numpy(DISC) * 100.0


def bright(patches):
    return 40 * (patches - 0.5)


def test_every_way_finds_a_disc():
    for name, way in click_limits.ways_to_ask(bright, bright).items():
        assert dice(way(IMAGE, (52, 41)), DISC) > 0.97, name
    for size in click_limits.SIZES:  # a disc of three pixels' radius has no fine outline
        assert dice(click_limits.at_size(bright, IMAGE, (52, 41), size), DISC) > (0.9 if size >= 0.5 else 0.6), (
            size
        )


def test_at_its_own_size_a_slice_is_judged_as_in_use():
    torch.manual_seed(0)
    images, clicks = torch.rand(1, 70, 61), torch.tensor([[30, 31]])
    for found, expected in zip(
        click_limits._judge_at(1.0, bright, images, clicks), judge_slices(bright, images, clicks), strict=True
    ):
        torch.testing.assert_close(found, expected)


def test_the_mirror_image_is_laid_back():
    def rightwards(patches):
        return torch.arange(32.0).expand(patches.shape) - 15.5

    images, clicks = torch.rand(1, 80, 81), torch.tensor([[40, 40]])
    plain = judge_slices(rightwards, images, clicks).probability
    both = click_limits._mirrored(rightwards, images, clicks).probability
    # a patch has one pixel more on one side, so not quite
    assert (plain - plain.flip(-1)).abs().max() > 0.9
    assert (both - both.flip(-1)).abs()[..., 20:61, 20:61].max() < 0.15


def test_differences_are_paired():
    found = click_limits._against([0.5, 0.7, 0.9, 0.8, 0.6, 0.9], [0.4, 0.6, 0.8, 0.7, 0.5, 0.8])
    assert found == {"mean": pytest.approx(0.7333, abs=1e-4), "p": 0.031}
    assert click_limits._against([0.5], [0.5])["p"] is None


def test_the_table_marks_what_differs():
    ways = {"as in use": {"0": {"mean": 0.7, "p": None}}, "again": {"0": {"mean": 0.6, "p": 0.01}}}
    text = table({"sets": {"prostate": {"slices": 30, "ways": ways}}})
    assert "| way | prostate, MR (30) |" in text
    assert "| as in use | 0.700 |" in text and "| again | 0.600† |" in text


def test_a_folder_without_the_sets_is_named(tmp_path):
    with pytest.raises(click_limits.InputError, match=r"has no prostate: run benchmarks/organs\.py first"):
        click_limits.main(organs=str(tmp_path))


def test_the_steadiest_mask_is_the_one_that_its_neighbours_share():
    masks = [around([(20, 20)], radius, (40, 40)) for radius in (4, 11, 12, 12, 18)]
    assert click_limits.steadiest(masks) == 2 or np.array_equal(masks[click_limits.steadiest(masks)], masks[2])
