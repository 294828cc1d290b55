import nibabel as nib
import numpy as np
import pytest

from patchseg.data import LoadScand, require_label
from patchseg.errors import InputError, input_error_in


@pytest.fixture
def files(tmp_path):
    for name in ("image", "label", "other"):
        voxels = np.random.default_rng(0).integers(0, 2, (20, 20, 20)).astype(np.int16)
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / f"{name}.nii.gz")
    return tmp_path


def test_loads_as_monai_does(files):
    data = LoadScand(["image", "label"], ensure_channel_first=True)(
        {"image": str(files / "image.nii.gz"), "label": str(files / "label.nii.gz"), "name": "a"}
    )
    assert data["image"].shape == data["label"].shape == (1, 20, 20, 20) and data["name"] == "a"


@pytest.mark.parametrize("broken", ["image", "label"])
def test_the_file_that_is_cut_short_is_named(files, broken):
    path = files / f"{broken}.nii.gz"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match=rf"{broken}.nii.gz cannot be read"):
        LoadScand(["image", "label"])({key: str(files / f"{key}.nii.gz") for key in ("image", "label")})


def test_another_error_stays_what_it_is(files):
    with pytest.raises(KeyError) as raised:
        LoadScand(["image", "label"])({"image": str(files / "image.nii.gz")})
    assert input_error_in(raised.value) is None


def test_a_label_that_no_file_has(files):
    cases = [{"label": str(files / "label.nii.gz")}, {"label": str(files / "other.nii.gz")}]
    require_label(cases, 1)
    with pytest.raises(InputError, match=r"none of the 2 label files holds the value 2 .*label.nii.gz"):
        require_label(cases, 2)
    (files / "other.nii.gz").write_text("no image")
    require_label(cases, 1)  # the first file has it
    with pytest.raises(InputError, match=r"other.nii.gz cannot be read"):
        require_label(cases, 2)
