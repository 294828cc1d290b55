"""The U-Net that gets the click as a channel."""

import pytest
import torch

from patchseg.rivals import ClickUNet, ClickViewd, judge_views


def _disc(row: int, column: int, radius: int = 15, shape: tuple[int, int] = (100, 140)) -> torch.Tensor:
    r, c = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    return ((r - row) ** 2 + (c - column) ** 2 <= radius**2).float()


def bright(views: torch.Tensor) -> torch.Tensor:
    return 20 * views[:, :1]


@pytest.mark.parametrize("click", [(50, 70), (12, 130), (99, 0)])
def test_a_view_comes_back_to_where_it_was_cut(click: tuple[int, int]) -> None:
    image = _disc(*click)
    answer = judge_views(bright, image[None], torch.tensor([click]))
    assert torch.equal(answer.probability[0] > 0.5, image > 0.5)


def test_training_samples_show_the_object_around_the_click() -> None:
    label = _disc(40, 90)
    sample = ClickViewd(click_error=0.0)({"image": 5 * label[None] + 1, "label": label[None]})
    assert sample["image"].shape == (2, 128, 128)
    assert sample["image"][1].argmax() == 64 * 128 + 64
    assert sample["label"][0, 64, 64] == 1
    assert torch.equal(sample["image"][0] > 1, sample["label"][0] > 0)


def test_network_keeps_the_view_and_marks_it() -> None:
    assert ClickUNet()(torch.zeros(1, 2, 128, 128)).shape == (1, 1, 128, 128)
