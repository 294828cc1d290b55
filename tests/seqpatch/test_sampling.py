"""Views of an object, clicks near its centre, and the rays a training sample consists of."""

import numpy as np
import pytest
import torch
from monai.data import list_data_collate

from patchseg.seqpatch import DIRECTIONS, extract_patches, patch_centres
from patchseg.seqpatch.sampling import (
    RandObjectSliced,
    RandObjectViewd,
    RandOnePartd,
    RayPatchesd,
    click_near_centre,
)


def _slice(radius: int = 20, row: int = 50, column: int = 90, shape: tuple[int, int] = (120, 160)) -> dict:
    r, c = np.ogrid[: shape[0], : shape[1]]
    label = ((r - row) ** 2 + (c - column) ** 2 <= radius**2).astype(np.float32)
    image = 3 * label + 0.01 * r
    return {"image": torch.tensor(image)[None].float(), "label": torch.tensor(label)[None]}


@pytest.mark.parametrize("seed", range(5))
def test_a_view_has_the_object_in_its_middle_at_a_radius_within_the_range(seed: int) -> None:
    view = RandObjectViewd(size=160, radius=(12, 40))
    view.set_random_state(seed)
    data = view(_slice())
    label = data["label"][0]
    assert data["image"].shape == data["label"].shape == (1, 160, 160)
    assert set(label.unique().tolist()) == {0.0, 1.0}
    assert 11 < float(label.sum() / np.pi) ** 0.5 < 42
    middle = torch.nonzero(label).float().mean(0)
    assert (middle - 79.5).abs().max() < 1
    agreement = ((data["image"][0] > 2) == (label > 0)).float().mean()
    assert agreement > 0.98  # image and label are turned alike


def test_views_differ_in_size_and_orientation() -> None:
    view = RandObjectViewd(size=96, radius=(8, 40))
    view.set_random_state(0)
    areas = {int(view(_slice())["label"].sum()) for _ in range(8)}
    assert len(areas) == 8


def test_an_objects_size_changes_no_more_than_zoom() -> None:
    view = RandObjectViewd(size=192, radius=(60, 60), zoom=1.5)
    radius = (float(view(_slice())["label"].sum()) / np.pi) ** 0.5
    assert abs(radius - 30) < 1


def test_slices_with_little_of_the_object_are_passed_over() -> None:
    label = torch.zeros(1, 30, 30, 6)
    label[0, :10, :10, 2] = label[0, :10, :10, 3] = label[0, 0, 0, 4] = 1
    image = torch.arange(6.0).expand(1, 30, 30, 6)
    choose = RandObjectSliced(least=30)
    choose.set_random_state(0)
    seen = {float(choose({"image": image, "label": label})["image"][0, 0, 0]) for _ in range(40)}
    assert seen == {2.0, 3.0}


def test_records_are_rays_around_the_click() -> None:
    rays = RayPatchesd(rays=16, steps=3, stride=4, click_error=0.0)
    rays.set_random_state(0)
    data = _slice()
    batch = list_data_collate([rays(data)])
    assert batch["image"].shape == batch["label"].shape == (16, 3, 32, 32)
    truth = extract_patches(data["label"], patch_centres(torch.tensor([[50, 90]]), 3, 4))[0]
    found = {ray.numpy().tobytes() for ray in batch["label"]}
    assert found == {ray.numpy().tobytes() for ray in truth}


def test_a_ray_is_chosen_once_at_most() -> None:
    rays = RayPatchesd(rays=len(DIRECTIONS) // 2, steps=2)
    rays.set_random_state(1)
    found = {ray["image"].numpy().tobytes() for ray in rays(_slice())}
    assert len(found) == len(DIRECTIONS) // 2


def test_clicks_err_but_stay_inside() -> None:
    label = np.zeros((80, 80))
    label[20:60, 20:60] = 1
    label[35:60, 35:60] = 0  # an L: its centre of mass is near the inner corner
    random = np.random.RandomState(0)
    clicks = {click_near_centre(label, random, error=1.0) for _ in range(200)}
    assert len(clicks) > 50
    assert all(label[int(row), int(column)] for row, column in clicks)


def test_a_centre_outside_the_object_is_moved_into_it() -> None:
    ring = np.zeros((60, 60))
    r, c = np.ogrid[:60, :60]
    distance = (r - 30) ** 2 + (c - 30) ** 2
    ring[(distance < 25**2) & (distance > 15**2)] = 1
    row, column = click_near_centre(ring, np.random.RandomState(0))
    assert ring[int(row), int(column)] == 1


def test_a_slice_without_object_is_clicked_in_its_middle() -> None:
    assert click_near_centre(np.zeros((40, 61)), np.random.RandomState(0), 0.5) == (19.0, 30.0)


def test_one_part_of_several_each_as_likely_and_crumbs_never() -> None:
    label = torch.zeros(1, 40, 40)
    label[0, 2:10, 2:10] = label[0, 20:30, 20:35] = 1
    label[0, 38, 38] = 1
    draw = RandOnePartd("label", least=30)
    draw.set_random_state(seed=0)
    sizes = [int(draw({"label": label})["label"].sum()) for _ in range(60)]
    assert set(sizes) == {64, 150} and 15 < sizes.count(64) < 45
    crumb = torch.zeros(1, 8, 8)
    crumb[0, 3, 3] = 1
    torch.testing.assert_close(draw({"label": crumb})["label"], crumb)
    assert not draw({"label": torch.zeros(1, 8, 8)})["label"].any()
