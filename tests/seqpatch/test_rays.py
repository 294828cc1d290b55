"""Rays, patches and laying them back, against loops over single pixels."""

import pytest
import torch

from patchseg.seqpatch import DIRECTIONS, EIGHT, extract_patches, patch_centres, stitch_patches


def test_sixteen_directions_in_opposite_pairs_all_round() -> None:
    assert len(set(DIRECTIONS)) == 16
    assert all((-row, -column) in DIRECTIONS for row, column in DIRECTIONS)
    angles = torch.atan2(*torch.tensor(DIRECTIONS, dtype=torch.float64).T).sort().values
    assert torch.rad2deg(angles.diff().max()) < 27
    assert set(EIGHT) == {(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)} - {(0, 0)}


def test_centres_follow_the_definition() -> None:
    centres = patch_centres(torch.tensor([[50.0, 60.0], [10.4, 3.6]]), steps=3, stride=6)
    assert centres.shape == (2, 16, 3, 2)
    for click, (row, column) in enumerate([(50, 60), (10, 4)]):
        for ray, (down, right) in enumerate(DIRECTIONS):
            for step in range(3):
                away = (step + 1) * 6
                assert centres[click, ray, step].tolist() == [row + away * down, column + away * right]


@pytest.mark.parametrize("shape", [(70, 90), (20, 15), (1, 1)])
def test_patches_are_the_pixels_around_their_centres_and_zero_outside(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, *shape)
    centres = patch_centres(torch.tensor([[shape[0] // 2, shape[1] // 2], [0, 0]]), steps=3, stride=5)
    patches = extract_patches(images, centres)
    padded = torch.nn.functional.pad(images, [200] * 4)
    for slice_ in range(2):
        for ray in range(16):
            for step in range(3):
                row, column = (centres[slice_, ray, step] + 200 - 15).tolist()
                wanted = padded[slice_, row : row + 32, column : column + 32]
                assert torch.equal(patches[slice_, ray, step], wanted)


def test_stitching_averages_over_the_patches_that_cover_a_pixel() -> None:
    torch.manual_seed(0)
    shape = (50, 64)
    centres = patch_centres(torch.tensor([[12, 40]]), steps=2, stride=4)
    values = torch.rand(1, 16, 2, 32, 32)
    total, count = torch.zeros(shape), torch.zeros(shape)
    for ray in range(16):
        for step in range(2):
            top, left = (centres[0, ray, step] - 15).tolist()
            for i in range(32):
                for j in range(32):
                    if 0 <= top + i < shape[0] and 0 <= left + j < shape[1]:
                        total[top + i, left + j] += values[0, ray, step, i, j]
                        count[top + i, left + j] += 1
    mean, coverage = stitch_patches(values, centres, shape)
    assert torch.equal(coverage[0], count)
    torch.testing.assert_close(mean[0], total / count.clamp(min=1), rtol=0, atol=1e-6)


def test_stitched_patches_are_the_image_again_where_covered() -> None:
    torch.manual_seed(0)
    images = torch.rand(3, 80, 100)
    centres = patch_centres(torch.tensor([[40, 50], [0, 99], [79, 0]]), steps=8, stride=4)
    mean, coverage = stitch_patches(extract_patches(images, centres), centres, images.shape[1:])
    torch.testing.assert_close(mean, images * (coverage > 0), rtol=0, atol=1e-6)


def test_everything_within_the_reach_of_the_straight_rays_is_covered() -> None:
    click = torch.tensor([[100, 100]])
    _, coverage = stitch_patches(torch.ones(1, 16, 8, 32, 32), patch_centres(click, 8, 4), (201, 201))
    row, column = torch.meshgrid(torch.arange(201) - 100, torch.arange(201) - 100, indexing="ij")
    assert coverage[0][row**2 + column**2 <= 47**2].min() > 0
