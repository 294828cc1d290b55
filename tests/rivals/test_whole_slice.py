"""Rivals without a click."""

import pytest
import torch
from monai.inferers import SlidingWindowInferer

from patchseg.rivals import WholeSliceInferer, dense_near_object


def bright(image: torch.Tensor) -> torch.Tensor:
    return 10 * image


def _volume(shape: tuple[int, ...]) -> torch.Tensor:
    volume = torch.zeros(1, 3, *shape)
    volume[0, 0, 5:15, 20:40] = 100
    return volume


@pytest.mark.parametrize("shape", [(50, 61, 3), (48, 64, 1), (50, 61)])
def test_each_slice_comes_back_where_it_was(shape: tuple[int, ...]) -> None:
    volume = _volume(shape)
    found = WholeSliceInferer()(volume, bright)
    assert found.shape == (1, 2, *shape)
    assert torch.equal(found[0, 0] > 0.5, volume[0, 0] > 0)


def test_the_network_gets_scaled_slices_of_a_size_that_unets_take() -> None:
    seen = []

    def network(image: torch.Tensor) -> torch.Tensor:
        seen.append(image)
        return image

    WholeSliceInferer()(_volume((50, 61, 3)), network)
    assert seen[0].shape == (3, 1, 64, 64)
    inside = seen[0][:, :, :50, :61]
    assert torch.allclose(inside.std((2, 3)), torch.ones(3, 1)) and inside.mean().abs() < 1e-5


def test_clicks_change_nothing() -> None:
    volume = _volume((50, 61, 3))
    without = WholeSliceInferer()(volume, bright)
    volume[0, 1:, 10, 30] = 1
    assert torch.equal(WholeSliceInferer()(volume, bright), without)


def test_windows_lead_a_network_of_patches_over_the_slice() -> None:
    volume = _volume((50, 61, 2))
    shapes = set()

    def patches(image: torch.Tensor) -> torch.Tensor:
        shapes.add(image.shape[1:])
        return bright(image)

    found = WholeSliceInferer(SlidingWindowInferer((32, 32), overlap=0.5))(volume, patches)
    assert shapes == {(1, 32, 32)}
    assert torch.equal(found[0, 0] > 0.5, volume[0, 0] > 0)


def test_training_patches_are_dense_near_the_object_and_sparse_elsewhere() -> None:
    label = torch.zeros(1, 64, 64)
    label[0, 30:34, 30:34] = 1
    weight = dense_near_object(label)
    assert weight.shape == label.shape
    assert weight[0, 31, 31] == weight[0, 31, 22] == 1
    assert 0 < weight[0, 31, 20] < 0.1
