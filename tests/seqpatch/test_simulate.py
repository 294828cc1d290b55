import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd

from patchseg.data import SeededCacheDataset
from patchseg.errors import InputError
from patchseg.geometry import NetworkGridd
from patchseg.seqpatch.simulate import Click, SimulateClickd, click_in, guidance, next_click, simulate_user


def disc(centre, radius, shape=(60, 64)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def ball():
    return np.stack([disc((30, 28), r) if r else np.zeros((60, 64), bool) for r in (0, 6, 11, 14, 9)], -1)


def ring_piece():
    """A crescent: its centre of mass lies in the hole."""
    crescent = disc((30, 30), 20) & ~disc((30, 38), 18)
    assert not crescent[tuple(np.rint(np.argwhere(crescent).mean(0)).astype(int))]
    return crescent


def test_the_middle_of_the_largest_slice():
    assert click_in(ball()) == (30, 28, 3)
    assert click_in(disc((20, 41), 9)) == (20, 41)
    assert click_in(np.stack([disc((20, 41), 9)] * 3, -1)) == (20, 41, 0)


def test_a_crescent_is_clicked_well_inside():
    label = ring_piece()
    row, column = click_in(label)
    assert label[row - 1 : row + 2, column - 1 : column + 2].all()


@pytest.mark.parametrize("error", [1, 4, 10])
def test_the_error_has_its_length_and_stays_inside(error):
    rng = np.random.default_rng(3)
    label = ball()
    clicks = {click_in(label, rng, error) for _ in range(60)}
    away = [np.hypot(row - 30, column - 28) for row, column, _ in clicks]
    assert all(label[click] for click in clicks) and {level for *_, level in clicks} == {3}
    assert np.abs(np.array(away) - error).max() <= 0.5
    angles = np.array([np.arctan2(row - 30, column - 28) for row, column, _ in clicks])
    assert len(clicks) >= 4 and {*np.sign(np.cos(angles))} >= {-1.0, 1.0}


def test_an_error_longer_than_the_object_ends_at_its_rim():
    label = disc((30, 30), 6)
    row, column = click_in(label, np.random.RandomState(0), 25)
    assert label[row, column] and np.hypot(row - 30, column - 30) == pytest.approx(6, abs=0.5)


def test_the_same_draws_give_the_same_click():
    assert click_in(ball(), np.random.RandomState(5), 6) == click_in(ball(), np.random.RandomState(5), 6)
    assert click_in(ball(), error=6) == click_in(ball(), error=6)


def test_an_empty_label_is_refused():
    with pytest.raises(InputError, match="nothing to click on"):
        click_in(np.zeros((5, 5)))


def test_corrections():
    label = ball()
    mask = label.copy()
    mask[..., 1] = False  # a missed slice of 113 pixels
    mask[40:50, 45:55, 4] = True  # 100 pixels too many
    assert next_click(label, mask) == Click((30, 28, 1), True)
    mask[40:52, 45:57, 4] = True
    row, column, level = next_click(label, mask).at
    assert (level, next_click(label, mask).foreground) == (4, False)
    assert 45 <= row <= 46 and 50 <= column <= 51
    assert next_click(label, label) is None


def test_only_what_is_connected_in_a_slice_counts_as_one_error():
    label = np.zeros((30, 30, 6), bool)
    label[2:4, 2:4] = True  # 4 pixels in each of six slices: 24 in the volume
    label[20:23, 20:23, 2] = True  # 9 in one slice
    assert next_click(label, np.zeros_like(label)) == Click((21, 21, 2), True)


def test_nobody_clicks_the_same_voxel_twice():
    label, mask = disc((30, 30), 8), np.zeros((60, 64), bool)
    first = next_click(label, mask)
    second = next_click(label, mask, [first])
    assert first == Click((30, 30)) and second != first and label[second.at]


def test_a_user_who_corrects():
    label = ball()

    def segment(given):
        """One slice for each click."""
        mask = np.zeros_like(label)
        for click in given:
            mask[..., click.at[2]] = label[..., click.at[2]]
        return mask

    answers = simulate_user(segment, label, clicks=10)
    assert [a.click.at[2] for a in answers] == [3, 2, 4, 1]  # by size, until the mask is perfect
    dice = [a.dsc for a in answers]
    assert dice == sorted(dice) and dice[-1] == 1 and all(a.seconds >= 0 for a in answers)
    part = label[..., 3].sum()
    assert dice[0] == pytest.approx(2 * part / (part + label.sum()))
    assert len(simulate_user(segment, label, clicks=2)) == 2


def test_guidance():
    channels = guidance([Click((1, 2, 0)), Click((3, 1, 1), False)], (5, 6, 2))
    assert channels.shape == (2, 5, 6, 2) and channels.sum() == 2
    assert channels[0, 1, 2, 0] == channels[1, 3, 1, 1] == 1


def item(name):
    label = ball()[None].astype(np.float32)
    affine = torch.diag(torch.tensor([0.8, 0.8, 3.0, 1.0]))
    return {"image": MetaTensor(label * 7, affine=affine), "label": MetaTensor(label, affine=affine), "name": name}


def test_the_transform_keeps_image_and_header():
    grid = NetworkGridd(["image", "label"], spacing=1.0, mode=["bilinear", "nearest"])
    data = grid(item("a"))
    simulated = SimulateClickd("image")(data)
    image = simulated["image"]
    assert image.shape[0] == 3 and torch.equal(image[:1], data["image"]) and not image[2].any()
    (where,) = image[1].nonzero().tolist()
    assert tuple(where) == click_in(data["label"][0].numpy()) and image[1].sum() == 1
    pred = MetaTensor(data["label"], affine=image.affine)
    back = Invertd("pred", grid, orig_keys="image", nearest_interp=True)(simulated | {"pred": pred})["pred"]
    assert back.shape == (1, 60, 64, 5) and torch.allclose(back.affine, item("a")["image"].affine.double())


def test_clicks_depend_on_the_item_and_the_seed_alone():
    items = [item(n) for n in "abc"]

    def clicks(seed, order):
        simulate = Compose([SimulateClickd("image", error=5)])
        data = SeededCacheDataset(items, simulate, seed=seed, cache_rate=0, progress=False)
        return {n: data[n]["image"][1].nonzero().tolist() for n in order}

    assert clicks(0, [0, 1, 2]) == clicks(0, [2, 0, 1]) != clicks(1, [0, 1, 2])
    assert len({str(c) for c in clicks(0, [0, 1, 2]).values()}) > 1


def test_a_label_without_object_is_named():
    data = item("a") | {"label": MetaTensor(torch.zeros(1, 4, 4, 2), meta={"filename_or_obj": "x_gt.nii"})}
    with pytest.raises(InputError, match=r"x_gt\.nii marks no object"):
        SimulateClickd("image")(data)
