"""A click in the file's voxels reaches the same place in the network's grid, whatever the header says."""

import itertools

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, Invertd
from PIL import Image

from patchseg.data import AsVolumed, LoadScand
from patchseg.errors import InputError
from patchseg.geometry import ClickGuidanced, NetworkGridd, file_grid, read_clicks, to_file, to_grid

ORIENTATIONS = [
    "".join(letters) for axes in itertools.permutations(("LR", "PA", "IS")) for letters in itertools.product(*axes)
]
SHAPE = (22, 17, 6)
HEADERS = {
    "isotropic": ((1.0, 1.0, 1.0), 0.0),
    "anisotropic": ((0.7, 0.9, 4.0), 0.0),
    "oblique": ((0.5, 0.6, 3), 0.4),
}


def stored(codes, sides=(0.7, 0.9, 4.0), tilt=0.0, seed=0):
    """A volume of noise, stored in this axis order, its affine tilted about two axes."""
    affine = np.diag([*sides, 1.0])
    affine[:3, 3] = (-10, 20, 5)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    image = nib.Nifti1Image(np.random.default_rng(seed).random(SHAPE, np.float32) + 1, affine).as_reoriented(turn)
    about_x, about_z = np.eye(4), np.eye(4)
    about_x[1:3, 1:3] = about_z[:2, :2] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    array = torch.from_numpy(image.get_fdata(dtype=np.float32).copy())
    return MetaTensor(array[None], affine=about_x @ about_z @ image.affine)


def guided(image, spacing=0.8, **clicks):
    return Compose([NetworkGridd("image", spacing), ClickGuidanced()])({"image": image, **clicks})["image"]


def refusal(image, **clicks):
    with pytest.raises(Exception) as error:
        ClickGuidanced()({**NetworkGridd("image", 0.8)({"image": image}), **clicks})
    assert isinstance(error.value, InputError)
    return str(error.value)


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("header", HEADERS)
def test_a_click_lands_on_the_nearest_voxel_of_the_grid(codes, header):
    image = stored(codes, *HEADERS[header])
    clicks = np.random.default_rng(1).integers(0, image.shape[1:], (4, 3))
    grid = guided(image, foreground=clicks[:2].tolist(), background=clicks[2:].tolist())
    world = nib.affines.apply_affine(image.affine.numpy(), clicks)
    voxels = np.stack(np.meshgrid(*map(np.arange, grid.shape[1:]), indexing="ij"), -1).reshape(-1, 3)
    centres = nib.affines.apply_affine(grid.affine.numpy(), voxels)
    for channel, places in ((1, world[:2]), (2, world[2:])):
        found = nib.affines.apply_affine(grid.affine.numpy(), grid[channel].nonzero().numpy())
        nearest = [np.linalg.norm(centres - place, axis=1).min() for place in places]
        apart = [np.linalg.norm(found - place, axis=1).min() for place in places]
        assert len(found) == 2 and np.allclose(apart, nearest, atol=1e-4)
        assert max(apart) <= np.linalg.norm([0.4, 0.4]) + 1e-4  # half a voxel each way, slices are kept


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_the_marked_voxel_itself_where_nothing_is_resampled(codes):
    image = stored(codes, tilt=0.3)
    clicks = np.random.default_rng(2).integers(0, image.shape[1:], (3, 3))
    for click in clicks:
        image[(0, *click)] = 9
    grid = guided(image, spacing=None, foreground=clicks.tolist())
    assert torch.equal(grid[1] == 1, grid[0] == 9)
    assert grid[1].sum() == 3 and not grid[2].any()


@pytest.mark.parametrize("codes", ORIENTATIONS[::5])
def test_there_and_back(codes):
    image = stored(codes, tilt=0.3)
    grid = NetworkGridd("image", 0.8)({"image": image})["image"]
    clicks = np.random.default_rng(3).integers(0, image.shape[1:], (5, 3))
    shape, affine = file_grid(grid)
    assert shape == tuple(image.shape[1:]) and np.allclose(affine, image.affine)
    there = to_grid(clicks, affine, grid.affine)
    assert there.shape == (5, 3) and not np.allclose(there, clicks)
    np.testing.assert_allclose(to_file(there, affine, grid.affine), clicks, atol=1e-6)


def test_a_png_is_clicked_by_column_and_row(tmp_path):
    pixels = np.full((30, 44), 100, np.uint8)
    pixels[8, 33] = 255
    Image.fromarray(pixels).save(tmp_path / "slice.png")
    read = Compose(
        [LoadScand("image", ensure_channel_first=True), AsVolumed("image"), NetworkGridd("image", None)]
    )
    for click in ([33, 8], [33, 8, 0]):
        data = read({"image": str(tmp_path / "slice.png"), "spacing": [0.7, 0.8, 5.0]})
        found = ClickGuidanced()({**data, "foreground": [click]})["image"]
        assert found.shape == (3, 30, 44, 1)
        assert torch.equal(found[1] == 1, found[0] == 255)
    assert "(44 x 30 x 1 voxels)" in refusal_of(data, [[8, 33]])


def test_a_png_that_is_resampled(tmp_path):
    Image.fromarray(np.full((30, 44), 100, np.uint8)).save(tmp_path / "slice.png")
    read = Compose(
        [LoadScand("image", ensure_channel_first=True), AsVolumed("image"), NetworkGridd("image", 0.35)]
    )
    data = read({"image": str(tmp_path / "slice.png"), "spacing": [0.7, 0.8, 5.0]})
    found = ClickGuidanced()({**data, "foreground": [[20, 10]]})["image"]
    assert found[1].nonzero().tolist() == [[20, round(20 * 0.8 / 0.35), 0]]


def refusal_of(data, clicks):
    with pytest.raises(InputError) as error:
        ClickGuidanced()({**data, "foreground": clicks})
    return str(error.value)


@pytest.mark.parametrize("file", ["volume.nii.gz", "flat.nii.gz", "one_time.nii.gz"])
def test_files_of_two_three_and_four_axes(tmp_path, file):
    shape = {"volume.nii.gz": (20, 14, 4), "flat.nii.gz": (20, 14), "one_time.nii.gz": (20, 14, 4, 1)}[file]
    array = np.random.default_rng(0).random(shape).astype(np.float32)
    click = (13, 6, 2)[: min(len(shape), 3)]
    array[click] = 5
    nib.save(nib.Nifti1Image(array, np.diag([-0.5, 0.7, 3.0, 1.0])), tmp_path / file)
    read = Compose(
        [LoadScand("image", ensure_channel_first=True), AsVolumed("image"), NetworkGridd("image", None)]
    )
    found = ClickGuidanced()({**read({"image": str(tmp_path / file)}), "foreground": [list(click)]})["image"]
    assert torch.equal(found[1] == 1, found[0] == 5)


@pytest.mark.parametrize("codes", ORIENTATIONS[::7])
def test_a_prediction_still_finds_back(codes):
    image = stored(codes, tilt=0.2)
    preprocessing = Compose([NetworkGridd("image", None), ClickGuidanced()])
    data = preprocessing({"image": image, "foreground": [[3, 3, 3]], "background": None})
    assert set(data) == {"image"} and data["image"].shape[0] == 3
    data = decollate_batch({**list_data_collate([data])})[0]
    data["pred"] = (data["image"][:1] > 1.5).to(torch.uint8)
    back = Invertd("pred", preprocessing, "image", nearest_interp=True, to_tensor=True)(data)["pred"]
    assert torch.equal(back.as_tensor() > 0, image.as_tensor() > 1.5)
    torch.testing.assert_close(back.affine, image.affine.to(back.affine))


def test_the_grid_that_is_resampled_finds_back_to_the_file_s(monkeypatch):
    image = stored("IPL", tilt=0.2)
    preprocessing = Compose([NetworkGridd("image", 0.625), ClickGuidanced()])
    data = preprocessing({"image": image, "foreground": [[3, 3, 3]]})
    data["pred"] = torch.ones_like(data["image"][:1])
    back = Invertd("pred", preprocessing, "image", nearest_interp=True, to_tensor=True)(data)["pred"]
    assert back.shape == image.shape
    torch.testing.assert_close(back.affine, image.affine.to(back.affine))


def test_forms_of_clicks():
    expected = [[1, 2, 3], [4, 5, 0]]
    for given in (expected, "[[1,2,3],[4,5,0]]", "(1,2,3), (4,5,0)", np.array(expected), torch.tensor(expected)):
        assert read_clicks(given) == expected
    assert read_clicks([["1", "2", "3"], [4.0, 5.0, 0.0]]) == expected
    assert read_clicks(["1,2,3", "[4,5,0]"]) == expected
    assert read_clicks([1, 2, 3]) == read_clicks(" 1, 2, 3 ") == [[1, 2, 3]]
    assert read_clicks(None) == read_clicks([]) == read_clicks("") == read_clicks("[]") == []


@pytest.mark.parametrize(
    "given",
    ["here", "1;2;3", 7, True, [[1, 2]] * 2 + [[1.5, 2, 3]], [[1, 2, 3, 4]], [["a", 1, 2]], [[1, 2, np.nan]], [3]],
)
def test_what_is_no_click(given):
    with pytest.raises(InputError, match=r"click.*i,j,k"):
        read_clicks(given)


def test_any_key_may_be_missing_but_one_click_there_must_be():
    image = stored("RAS")
    for background in ({}, {"background": None}, {"background": []}, {"background": "[]"}):
        assert guided(image, foreground=[[1, 2, 3]], **background)[2].sum() == 0
    for foreground in ({}, {"foreground": None}, {"foreground": []}, {"foreground": "[]"}):
        text = refusal(image, background=[[1, 2, 3]], **foreground)
        assert "has no foreground click" in text and "[[120, 98, 14]]" in text


@pytest.mark.parametrize("click", [[22, 0, 0], [0, 17, 0], [0, 0, 6], [-1, 2, 3]])
@pytest.mark.parametrize("key", ["foreground", "background"])
def test_outside_the_image(click, key):
    text = refusal(stored("RAS"), **({"foreground": [[1, 1, 1]]} | {key: [[2, 2, 2], click]}))
    assert str(click) in text and "22 x 17 x 6" in text and "from 0,0,0 to 21,16,5" in text


def test_the_last_voxels_are_inside():
    for codes in ORIENTATIONS:
        image = stored(codes)
        last = [n - 1 for n in image.shape[1:]]
        assert guided(image, spacing=0.93, foreground=[last, [0, 0, 0]])[1].sum() == 2


def test_a_slice_is_missing():
    assert "lacks its slice" in refusal(stored("RAS"), foreground=[[3, 4]])


@pytest.mark.parametrize("air, noise, body", [(0.0, 0.0, 1.0), (0.02, 0.003, 0.6), (-1000.0, 5.0, 40.0)])
def test_air_is_refused_and_a_cyst_is_not(air, noise, body):
    """Background zero after percentile scaling, with noise, and CT in HU."""
    voxels = np.full((50, 40, 3), air)
    voxels[10:40, 10:30] = body
    voxels[18:30, 14:26] = air  # a cyst
    voxels += noise * np.random.default_rng(0).standard_normal(voxels.shape)
    image = MetaTensor(torch.from_numpy(voxels[None].astype(np.float32)), affine=np.diag([-1.0, -1.0, 3.0, 1.0]))
    for inside in ([12, 12, 1], [24, 20, 1], [11, 29, 0]):
        assert guided(image, spacing=None, foreground=[inside])[1].sum() == 1
    for outside in ([4, 5, 1], [45, 20, 2], [0, 0, 0]):
        text = refusal(image, foreground=[[24, 20, 1], outside])
        assert str(outside) in text and "in air" in text and "50 x 40 x 3" in text
        # a mask that leaks into the air may be clicked away there
        assert guided(image, spacing=None, foreground=[[24, 20, 1]], background=[outside])[2].sum() == 1


def test_nothing_is_remembered_or_changed():
    transform = ClickGuidanced()
    data = NetworkGridd("image", 0.8)({"image": stored("LPS")}) | {"foreground": [[1, 2, 3]], "background": None}
    before = dict(data), data["image"].clone(), vars(transform).copy()
    first, second = transform(data)["image"], transform(data | {"foreground": [[5, 5, 5]]})["image"]
    assert dict(data) == before[0] and torch.equal(data["image"], before[1]) and vars(transform) == before[2]
    assert not torch.equal(first[1], second[1]) and torch.equal(transform(data)["image"], first)
