"""Labelled and synthetic slices in one data set."""

import pytest
import torch
from monai.transforms import Compose, RandGaussianNoised

from patchseg.data.mixed import MixedDataset
from patchseg.data.seeded import SeededCacheDataset
from patchseg.data.shapes import ShapesDataset
from patchseg.errors import InputError


def _mixed(share: float = 0.5, length: int = 24, seed: int = 3) -> MixedDataset:
    images = [{"image": torch.full((1, 40, 40), 100.0 + i), "label": torch.ones(1, 40, 40)} for i in range(5)]
    labelled = SeededCacheDataset(images, Compose([RandGaussianNoised("image", prob=1.0)]), seed, progress=False)
    shapes = ShapesDataset(50, seed, (40, 40))
    return MixedDataset(labelled, shapes, share, Compose([RandGaussianNoised("image", prob=1.0)]), length, seed)


def _is_real(item: dict) -> bool:
    return bool(torch.as_tensor(item["label"]).all())


@pytest.mark.parametrize(("share", "real"), [(0.0, 24), (1.0, 0)])
def test_share_is_the_part_that_is_synthetic(share: float, real: int) -> None:
    assert sum(_is_real(item) for item in _mixed(share)) == real


def test_both_kinds_occur() -> None:
    assert 4 < sum(_is_real(item) for item in _mixed()) < 20


def test_an_item_depends_on_seed_epoch_and_index_alone() -> None:
    one, other = _mixed(), _mixed()
    one.epoch = other.epoch = 2
    forward = [one[i]["image"] for i in range(24)]
    backward = [other[i]["image"] for i in reversed(range(24))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forward, backward, strict=True))


def test_rounds_and_epochs_differ() -> None:
    data = _mixed(share=0.0, length=10)
    first = [data[i]["image"] for i in range(10)]
    assert not torch.equal(first[0], first[5])  # five images, gone through twice
    data.epoch = 1
    assert not torch.equal(first[0], data[0]["image"])


@pytest.mark.parametrize("arguments", [{"share": 1.5}, {"length": 0}])
def test_impossible_numbers_are_refused(arguments: dict) -> None:
    with pytest.raises(InputError):
        _mixed(**arguments)
