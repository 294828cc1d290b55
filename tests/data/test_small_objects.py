import pytest
import torch
from monai.data import MetaTensor

from patchseg.data.small_objects import RemoveSmalld


def bars(*lengths: int, spacing=(0.5, 1.0, 4.0)) -> MetaTensor:
    """Bars of so many voxels, 2 mm3 each, that touch each other at corners only."""
    mask = torch.zeros(1, 12, len(lengths), 2, dtype=torch.uint8)
    start = 0
    for row, length in enumerate(lengths):
        mask[0, start : start + length, row, row % 2] = 1
        start += length
    return MetaTensor(mask, affine=torch.diag(torch.tensor([*spacing, 1.0])))


@pytest.mark.parametrize(("min_mm3", "kept"), [(0, 6), (2, 6), (2.1, 5), (4, 5), (4.1, 3), (6, 3), (6.1, 0)])
def test_objects_of_the_smallest_volume_stay_and_smaller_ones_go(min_mm3, kept):
    mask = bars(1, 2, 3)
    left = RemoveSmalld("pred", min_mm3)({"pred": mask})["pred"]
    assert int(left.sum()) == kept
    assert bool((left <= mask).all())
    assert left.dtype == torch.uint8 and torch.equal(left.affine, mask.affine)


def test_keeps_the_operations_that_invertd_needs_and_an_empty_mask():
    mask = MetaTensor(torch.zeros(1, 4, 4, 2, dtype=torch.uint8))
    mask.push_applied_operation({"class": "Some"})
    left = RemoveSmalld("pred", 10)({"pred": mask})["pred"]
    assert int(left.sum()) == 0 and len(left.applied_operations) == 1


def test_a_full_mask_stays():
    full = MetaTensor(torch.ones(1, 4, 4, 2, dtype=torch.uint8))
    assert int(RemoveSmalld("pred", 10)({"pred": full})["pred"].sum()) == 32
