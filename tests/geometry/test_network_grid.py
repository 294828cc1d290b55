"""A volume in any of the 48 axis orientations reaches the network the same way up, and a mask finds back."""

import itertools

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd

from patchseg.errors import InputError
from patchseg.geometry import NetworkGridd

ORIENTATIONS = [
    "".join(letters) for axes in itertools.permutations(("LR", "PA", "IS")) for letters in itertools.product(*axes)
]
SPACING = (0.7, 0.9, 4.0)


def anatomy():
    """In RAS+: bright at the patient's left front top corner."""
    volume = np.zeros((30, 24, 6), np.float32)
    volume[2:18, 10:22, 3:6] = 1
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (-10, 20, 5)
    return nib.Nifti1Image(volume, affine)


def stored(codes, tilt=0.0):
    image = anatomy()
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    image = image.as_reoriented(turn)
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]]
    return MetaTensor(
        torch.from_numpy(image.get_fdata(dtype=np.float32).copy())[None], affine=rotation @ image.affine
    )


def test_there_are_48():
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_rows_run_to_the_back_columns_to_the_left_slices_to_the_head(codes, tilt):
    grid = NetworkGridd("image", spacing=None)({"image": stored(codes, tilt)})["image"]
    expected = np.flip(anatomy().get_fdata(), (0, 1)).transpose(1, 0, 2)
    np.testing.assert_array_equal(grid[0].numpy(), expected)


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_mask_finds_back_into_the_file_s_grid(codes):
    scan = stored(codes, tilt=0.2)
    to_grid = Compose([NetworkGridd("image", spacing=0.8)])
    data = to_grid({"image": scan})
    assert data["image"].pixdim.tolist() == pytest.approx([0.8, 0.8, 4.0])
    mask = MetaTensor((data["image"] > 0.5).to(torch.uint8), meta=data["image"].meta)
    back = Invertd("pred", to_grid, "image", nearest_interp=True, to_tensor=True)({**data, "pred": mask})["pred"]
    assert back.shape == scan.shape and back.dtype in (torch.uint8, torch.float32)
    torch.testing.assert_close(back.affine, scan.affine.to(back.affine))
    assert set(back.unique().tolist()) == {0, 1}
    found, expected = back[0].numpy() > 0, scan[0].numpy() > 0.5
    assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.9
    shift = np.argwhere(found).mean(0) - np.argwhere(expected).mean(0)
    # The edge of a mask is rounded twice: to half a voxel of the network's grid, and of the file's.
    assert (np.abs(shift) * scan.pixdim.numpy() < 0.5 * (0.8 + scan.pixdim.numpy())).all()


def test_labels_stay_whole_numbers():
    label = stored("IPL")
    label[label > 0] = 2
    grid = NetworkGridd("label", spacing=1.3, mode="nearest")({"label": label})["label"]
    assert set(grid.unique().tolist()) == {0, 2}


@pytest.mark.parametrize("codes", ORIENTATIONS[::5])
@pytest.mark.parametrize("spacing", [0.53, 0.77, 1.71])
def test_a_mask_goes_back_as_monai_takes_it_back(codes, spacing, monkeypatch):
    to_grid = Compose([NetworkGridd("image", spacing=spacing)])
    data = to_grid({"image": stored(codes, tilt=0.2)})
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 9, data["image"].shape).astype(np.uint8))
    mask = MetaTensor(values, meta=data["image"].meta)
    back = Invertd("pred", to_grid, "image", nearest_interp=True)
    ours = back({**data, "pred": mask})["pred"]
    monkeypatch.setattr("patchseg.geometry.network_grid._nearest", lambda grid: None)
    theirs = back({**data, "pred": mask})["pred"]
    assert ours.dtype == torch.uint8 and ours.shape == theirs.shape
    torch.testing.assert_close(ours.affine, theirs.affine)
    assert len(ours.applied_operations) == len(theirs.applied_operations) == 0
    # MONAI computes in float32: a voxel half way between two may fall to either
    assert (ours == theirs).float().mean() > 0.995


def test_other_interpolations_and_sheared_volumes_go_back_by_monai():
    scan = stored("LPS")
    scan.affine[0, 1] = 0.2
    to_grid = Compose([NetworkGridd("image", spacing=0.8)])
    data = to_grid({"image": scan})
    for nearest in (False, True):
        pred = MetaTensor((data["image"] > 0.5).float(), meta=data["image"].meta)
        back = Invertd("pred", to_grid, "image", nearest_interp=nearest)({**data, "pred": pred})["pred"]
        assert back.shape == scan.shape
        assert (len(back.unique()) == 2) == nearest
        assert ((back > 0.5) == (scan > 0.5)).float().mean() > 0.97


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_planes_of_the_file_are_kept_and_shown_as_pictures_are(codes):
    """Whatever axis of the body the slices are closest to; and a mask finds back."""
    scan = stored(codes, tilt=0.2)
    to_grid = Compose([NetworkGridd("image", spacing=None, planes="file")])
    data = to_grid({"image": scan})
    turned = [axis for axis, code in enumerate(codes[:2]) if code in "RAS"]
    expected = np.flip(scan[0].numpy(), turned).transpose(1, 0, 2)
    np.testing.assert_array_equal(data["image"][0].numpy(), expected)
    mask = MetaTensor((data["image"] > 0.5).to(torch.uint8), meta=data["image"].meta)
    back = Invertd("pred", to_grid, "image", nearest_interp=True, to_tensor=True)({**data, "pred": mask})["pred"]
    np.testing.assert_array_equal(back[0].numpy() > 0, scan[0].numpy() > 0.5)
    torch.testing.assert_close(back.affine, scan.affine.to(back.affine))


def test_planes_that_are_none():
    with pytest.raises(InputError, match="planes 'scan': take 'body' or 'file'"):
        NetworkGridd("image", spacing=None, planes="scan")
