"""Outlines that lie one inside the other, whatever the network says."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from patchseg.errors import InputError
from patchseg.nested import NestedMaskd, class_numbers, nested_mask

SHAPE = (20, 18, 3)


def random_probability(seed: int) -> np.ndarray:
    """Three classes over a blurred field: blobs of any shape, also where they cannot lie."""
    field = np.random.default_rng(seed).normal(size=(3, *SHAPE))
    logits = 40 * ndimage.gaussian_filter(field, (0, 2, 2, 0.5))
    return torch.from_numpy(logits).softmax(0).numpy()


@pytest.mark.parametrize("seed", range(6))
def test_the_cavity_touches_nothing_but_its_wall(seed):
    mask = nested_mask(random_probability(seed))
    assert mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 1, 2}
    for row, column, slice_ in np.argwhere(mask == 1):
        around = mask[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2, slice_]
        assert (around > 0).all()
    for region in (mask == 1, mask > 0):
        for slice_ in np.moveaxis(region, -1, 0):
            assert (ndimage.binary_fill_holes(slice_) == slice_).all()
    assert ndimage.label(mask == 1)[1] <= 1


def test_sure_answers_stay_as_they_are():
    truth = np.zeros(SHAPE, int)
    truth[4:14, 4:14] = 2
    truth[6:11, 7:12] = 1
    probability = np.moveaxis(np.eye(3)[truth], -1, 0)
    np.testing.assert_array_equal(nested_mask(probability), truth)
    probability[:, 8, 9] = 1 / 3  # undecided between cavity, wall and outside, in the middle of the cavity
    np.testing.assert_array_equal(nested_mask(probability), truth)


def test_one_structure_is_the_more_likely_class():
    probability = random_probability(1)[:2]
    probability /= probability.sum(0)
    parts, _ = ndimage.label(probability.argmax(0))
    largest = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
    filled = np.stack([ndimage.binary_fill_holes(s) for s in np.moveaxis(largest, -1, 0)], -1)
    np.testing.assert_array_equal(nested_mask(probability), filled)


def test_the_round_part_is_kept_and_not_a_longer_one():
    inside = np.zeros(SHAPE, bool)
    inside[2:5] = True  # as wide as the image, three pixels high
    inside[8:15, 6:13, 0] = True
    found = nested_mask(np.stack([~inside, inside]).astype(float)) > 0
    inside[2:5] = False
    np.testing.assert_array_equal(found, inside)


def test_a_ventricle_through_all_slices_is_kept_and_not_a_larger_disc_in_one():
    inside = np.zeros(SHAPE, bool)
    inside[2:7, 2:7] = True
    inside[10:16, 5:11, 0] = True
    found = nested_mask(np.stack([~inside, inside]).astype(float)) > 0
    inside[10:16] = False
    np.testing.assert_array_equal(found, inside)


def test_nothing_found():
    probability = np.zeros((3, *SHAPE))
    probability[0] = 1
    assert not nested_mask(probability).any()


def test_transform_keeps_what_leads_back_to_the_file():
    logits = MetaTensor(torch.from_numpy(np.log(random_probability(2))), affine=torch.diag(torch.arange(1.0, 5.0)))
    mask = NestedMaskd("pred")({"pred": logits})["pred"]
    assert mask.shape == (1, *SHAPE) and mask.dtype == torch.uint8
    torch.testing.assert_close(mask.affine, logits.affine)
    np.testing.assert_array_equal(mask[0].numpy(), nested_mask(random_probability(2)))


@pytest.mark.parametrize("structures", [["cavity", "wall"], []])
def test_structures_without_labels(structures):
    with pytest.raises(InputError, match=r"choose from \['cavity'\], from the inside out"):
        class_numbers([0, 3], structures, {"cavity": [3]})
