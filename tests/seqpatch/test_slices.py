"""From clicks to probabilities."""

import torch

from patchseg.seqpatch import EIGHT, judge_carried, judge_slices, normalise_around


def _disc(radius: int, row: int = 60, column: int = 70, size: int = 128) -> torch.Tensor:
    r, c = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return ((r - row) ** 2 + (c - column) ** 2 <= radius**2).float()


def bright(patches: torch.Tensor) -> torch.Tensor:
    """A network that takes everything brighter than the mean for the object."""
    return 20 * patches


def test_a_bright_disc_is_found_around_each_click() -> None:
    images = torch.stack([_disc(20), _disc(12, 30, 40)])
    answer = judge_slices(bright, images, torch.tensor([[60, 70], [30, 40]]))
    assert torch.equal(answer.probability > 0.5, images > 0.5)
    assert (answer.confidence > 0.99).all()


def test_scale_and_offset_of_intensities_do_not_matter() -> None:
    image = _disc(20) + 0.1 * torch.randn(128, 128, generator=torch.Generator().manual_seed(0))
    click = torch.tensor([[60, 70]])
    answer = judge_slices(bright, image[None], click)
    scaled = judge_slices(bright, 1000 * image[None] - 300, click)
    torch.testing.assert_close(answer.probability, scaled.probability, rtol=0, atol=1e-3)


def test_confidence_falls_where_patches_disagree() -> None:
    image = _disc(20)[None]
    click = torch.tensor([[60, 70]])

    def undecided(patches: torch.Tensor) -> torch.Tensor:
        signs = torch.ones(len(patches), 1, 1, 1)
        signs[::2] = -1  # every other ray says the contrary
        return 20 * patches * signs

    assert judge_slices(undecided, image, click).confidence < judge_slices(bright, image, click).confidence - 0.3


def test_nothing_found_has_no_confidence() -> None:
    answer = judge_slices(lambda patches: -20 + 0 * patches, _disc(20)[None], torch.tensor([[60, 70]]))
    assert answer.confidence.tolist() == [0.0]


def test_only_what_the_rays_see_sets_the_scale() -> None:
    image = _disc(20, size=300)
    far = image.clone()
    far[200:, 200:] = 1e4
    click = torch.tensor([[60, 70]])
    near = slice(0, 108), slice(0, 118)
    one, other = (normalise_around(each[None], click, 32)[0] for each in (image, far))
    assert torch.equal(one[near], other[near])
    assert abs(float(one[12:108, 22:118].mean())) < 1e-5


def test_a_constant_slice_gives_no_nan() -> None:
    assert torch.isfinite(
        judge_slices(bright, torch.full((1, 40, 40), 7.0), torch.tensor([[0, 39]])).probability
    ).all()


def test_a_carried_slice_is_judged_by_itself_whatever_goes_with_it() -> None:
    images, clicks = torch.stack([_disc(8), _disc(20), _disc(8)]), torch.tensor([[60, 70], [60, 71], [60, 69]])
    together = judge_carried(bright, images, clicks, reach=[12, 27, 40])
    for index, steps in enumerate((4, 6, 8)):
        alone = judge_slices(bright, images[[index]], clicks[[index]], steps, 4, EIGHT, seen=32)
        torch.testing.assert_close(together.probability[[index]], alone.probability)
        torch.testing.assert_close(together.confidence[[index]], alone.confidence)


def test_carried_rays_without_a_reach_or_of_few_steps_are_as_long_as_they_may_be() -> None:
    image, click = _disc(20)[None], torch.tensor([[60, 70]])
    for steps, reach in ((8, ()), (2, (12,))):
        found = judge_carried(bright, image, click, steps, 4, reach)
        torch.testing.assert_close(found, judge_slices(bright, image, click, steps, 4, EIGHT))
