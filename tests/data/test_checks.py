import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImaged

from patchseg.data.transforms import AsVolumed, CheckLabeld, CheckScand
from patchseg.errors import InputError

VOXELS = np.random.default_rng(1).integers(-1000, 1000, (12, 10, 6)).astype(np.float32)
AFFINE = np.array([[0, 0, 0.8, -30], [0, 0.8, 0, 40], [-3.0, 0, 0, 100], [0, 0, 0, 1]])


def scan(array=VOXELS, affine=AFFINE, name="ct.nii.gz") -> MetaTensor:
    return MetaTensor(torch.as_tensor(np.array(array))[None], affine=affine, meta={"filename_or_obj": name})


def altered(array: np.ndarray, where, value) -> np.ndarray:
    other = array.astype(float)
    other[where] = value
    return other


def test_good_scan_passes_unchanged():
    data = {"image": scan(), "image_path": "text", "other": None}
    assert CheckScand("image")(data) == data


@pytest.mark.parametrize(
    ("array", "affine", "message"),
    [
        (altered(VOXELS, (0, 0, 0), np.nan), AFFINE, "holds NaN or infinite"),
        (altered(VOXELS, (0, 0, 0), -np.inf), AFFINE, "holds NaN or infinite"),
        (np.full((4, 4, 4), -1000.0), AFFINE, "has the value -1000 everywhere"),
        (np.zeros((4, 4, 0)), AFFINE, "holds no voxels"),
        (VOXELS, altered(AFFINE, (0, 3), np.nan), "affine with NaN"),
        (VOXELS, altered(AFFINE, (0, 2), 0), "spacing of 3 x 0.8 x 0 mm"),
        (VOXELS, altered(AFFINE, (2, 0), 250), "spacing of 250 x 0.8 x 0.8 mm"),
        (VOXELS, altered(AFFINE, (slice(0, 3), 2), [0, 0.8, 0]), "singular affine"),
    ],
)
def test_scans_that_are_refused(array, affine, message):
    with pytest.raises(InputError, match=rf"^ct.nii.gz .*{message}"):
        CheckScand("image")({"image": scan(array, affine)})


def test_scan_from_a_file_is_named(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), AFFINE), tmp_path / "blank.nii.gz")
    data = LoadImaged("image", ensure_channel_first=True)({"image": str(tmp_path / "blank.nii.gz")})
    with pytest.raises(InputError, match=r"blank.nii.gz has the value 0 everywhere"):
        CheckScand("image")(AsVolumed("image")(data))


LABEL = (VOXELS > 0).astype(np.uint8)
check_label = CheckLabeld("label", image_key="image", values=[0, 1, 2])


def test_good_label_passes_unchanged():
    data = {"image": scan(), "label": scan(LABEL), "label_path": "text"}
    assert check_label(data) == data
    rounded = {"image": scan(), "label": scan(LABEL, AFFINE + 1e-4)}
    assert check_label(rounded) == rounded


@pytest.mark.parametrize(
    ("label", "affine", "message"),
    [
        (altered(LABEL, (0, 0, 0), 3), AFFINE, r"label values 3; allowed are \[0, 1, 2\]"),
        (altered(LABEL, (0, 0, slice(0, 2)), [0.5, -1]), AFFINE, "label values -1, 0.5;"),
        (altered(LABEL, (0, 0, 0), np.nan), AFFINE, "label values nan;"),
        (LABEL.astype(float) + np.arange(12)[:, None, None] / 20, AFFINE, "and 17 more"),
        (LABEL[:-1], AFFINE, r"has shape \(11, 10, 6\) but its image ct.nii.gz has \(12, 10, 6\)"),
        (LABEL, altered(AFFINE, (0, 3), -29.2), "lies 0.8 mm off its image ct.nii.gz"),
        (LABEL, altered(AFFINE, (0, 3), -29.9), "lies 0.1 mm off"),
        (LABEL, altered(AFFINE, (0, 2), 0.9), "lies 0.5 mm off"),
        (LABEL, altered(AFFINE, (0, 2), -0.8), "lies 8 mm off"),
        (LABEL, altered(AFFINE, (0, 3), np.nan), "lies nan mm off"),
    ],
)
def test_labels_that_are_refused(label, affine, message):
    with pytest.raises(InputError, match=rf"^seg.nii.gz .*{message}"):
        check_label({"image": scan(), "label": scan(label, affine, "seg.nii.gz")})
