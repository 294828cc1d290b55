import pickle
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, Invertd, LoadImaged, Orientationd, SaveImage, Spacingd
from PIL import Image

from patchseg.data.layouts import find_cases
from patchseg.data.transforms import AsVolumed, CTIntensityd
from patchseg.errors import InputError

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 44), dtype=np.uint8)  # rows, columns
VOXELS = np.random.default_rng(1).integers(-1000, 1000, (22, 15, 6)).astype(np.int16)
AFFINE = np.array([[-1.5, 0, 0, 30], [0, 0, 4, -20], [0, 1.2, 0, 7], [0, 0, 0, 1.0]])


def written(folder: Path, form: str) -> Path:
    """One file in each form that LoadImaged gives a different shape or header."""
    path = folder / f"scan.{form.split()[0]}"
    if form.endswith("png"):
        Image.fromarray(PIXELS).save(path)
    elif "nii" in form:
        shape = {"2D": (22, 15), "3D": (22, 15, 6), "4D": (22, 15, 6, 1), "5D": (22, 15, 6, 1, 1)}[form[-2:]]
        array = VOXELS[:, :, : 1 if len(shape) == 2 else 6].reshape(shape)
        nib.save(nib.Nifti1Image(array, AFFINE), path)
    else:
        array = VOXELS[:, :, 0] if form.endswith("2D") else VOXELS
        image = itk.image_from_array(np.ascontiguousarray(array.T))
        image.SetSpacing([1.5, 1.2, 4.0][: array.ndim])
        image.SetOrigin([3.0, -5.0, 8.0][: array.ndim])
        itk.imwrite(image, path)
    return path


def load(path: Path, *further, **record) -> dict:
    return preprocessing(*further)({"image": str(path)} | record)


def preprocessing(*further) -> Compose:
    return Compose([LoadImaged("image", ensure_channel_first=True), AsVolumed("image"), *further])


FORMS = ["png", "nii.gz 2D", "nii.gz 3D", "nii 4D", "nii 5D", "mha 2D", "mha 3D", "nrrd 2D", "nrrd 3D", "mhd 3D"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_a_volume_and_comes_back(tmp_path, form):
    path = written(tmp_path, form)
    raw = LoadImaged("image", ensure_channel_first=True)({"image": str(path)})["image"]
    spacing = Spacingd("image", pixdim=(0.75, 0.8, -1), mode="nearest")
    pre = preprocessing(Orientationd("image", axcodes="PLS"), spacing)
    data = pre({"image": str(path), "spacing": [1.5, 1.6, 5.0]})
    assert data["image"].ndim == 4 and data["image"].affine.shape == (4, 4)
    assert nib.aff2axcodes(data["image"].affine.numpy()) == ("P", "L", "S")
    data["pred"] = MetaTensor(data["image"].as_tensor().clone())  # nearest there and back is the identity
    back = Invertd("pred", pre, orig_keys="image", nearest_interp=True)(data)["pred"]
    assert back.shape == raw.shape
    assert torch.equal(back.as_tensor(), raw.as_tensor())
    assert np.allclose(back.affine, raw.affine)
    assert back.applied_operations == []
    assert data["image"].ndim == 4  # the image itself is not inverted


def test_two_channels_of_a_png_come_back(tmp_path):
    pre = preprocessing(Orientationd("image", axcodes="PLS"))
    data = pre({"image": str(written(tmp_path, "png"))})
    data["pred"] = torch.cat([data["image"], 255 - data["image"]])
    back = Invertd("pred", pre, orig_keys="image")(data)["pred"]
    assert back.shape == (2, 44, 30)
    assert np.array_equal(back[1].numpy().T, 255 - PIXELS)


def test_inverted_png_prediction_is_saved_as_it_was(tmp_path):
    pre = preprocessing(Orientationd("image", axcodes="PLS"))
    data = pre({"image": str(written(tmp_path, "png"))})
    data["pred"] = MetaTensor(data["image"].as_tensor().clone())
    back = Invertd("pred", pre, orig_keys="image")(data)["pred"]
    SaveImage(tmp_path / "out", output_ext=".png", separate_folder=False, output_dtype=np.uint8, print_log=False)(
        back
    )
    (saved,) = (tmp_path / "out").iterdir()
    assert np.array_equal(np.asarray(Image.open(saved)), PIXELS)


def test_png_rows_and_columns_and_spacing(tmp_path):
    image = load(written(tmp_path, "png"), Orientationd("image", axcodes="PLS"), spacing=[0.7, 0.8, 5.0])["image"]
    assert np.array_equal(image[0, :, :, 0].numpy(), PIXELS)
    assert np.allclose(image.pixdim, [0.7, 0.8, 5.0])
    unknown = load(written(tmp_path, "png"))["image"]
    assert np.allclose(unknown.pixdim, [1, 1, 1])


def test_headers_win_over_the_record(tmp_path):
    assert np.allclose(load(written(tmp_path, "nii.gz 3D"), spacing=[9, 9, 9])["image"].affine, AFFINE)
    assert np.allclose(load(written(tmp_path, "nii.gz 2D"), spacing=[9, 9, 9])["image"].affine, AFFINE)
    flat = load(written(tmp_path, "mha 2D"), spacing=[9, 9, 7])["image"]
    expected = [[-1.5, 0, 0, -3], [0, -1.2, 0, 5], [0, 0, 7, 0], [0, 0, 0, 1]]  # LPS of the file to RAS
    assert np.allclose(flat.affine, expected)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_grey_in_colour_files(tmp_path, mode):
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / "a.png")
    image = load(tmp_path / "a.png", Orientationd("image", axcodes="PLS"))["image"]
    assert np.array_equal(image[0, :, :, 0].numpy(), PIXELS)


def test_colour_is_refused(tmp_path):
    Image.fromarray(np.stack([PIXELS, PIXELS, PIXELS.T.reshape(PIXELS.shape)], -1)).save(tmp_path / "a.png")
    with pytest.raises(RuntimeError) as caught:
        load(tmp_path / "a.png")
    assert isinstance(caught.value.__cause__, InputError)
    assert "a.png is a colour image" in str(caught.value.__cause__)


def test_one_channel_of_msd_prostate(tmp_path):
    """Task05 stores T2 and ADC in one 4D file and a 3D label; servers get the answer in 3D."""
    nib.save(nib.Nifti1Image(np.stack([VOXELS, 2 * VOXELS], -1), AFFINE), tmp_path / "prostate_00.nii.gz")
    nib.save(nib.Nifti1Image((VOXELS > 0).astype(np.uint8), AFFINE), tmp_path / "label.nii.gz")
    files = {"image": str(tmp_path / "prostate_00.nii.gz"), "label": str(tmp_path / "label.nii.gz")}
    loaded = LoadImaged(["image", "label"], ensure_channel_first=True)(files)
    for channel in (0, 1):
        step = AsVolumed(["image", "label"], channel=channel)
        data = step(loaded)
        assert np.array_equal(data["image"][0].numpy(), (channel + 1) * VOXELS)
        assert np.array_equal(data["label"][0].numpy(), VOXELS > 0)
        assert np.allclose(data["image"].affine, AFFINE)
        assert step.inverse(data)["image"].shape == (1, *VOXELS.shape)
    with pytest.raises(InputError, match=r"prostate_00.nii.gz has 2 channels and no channel 2"):
        AsVolumed("image", channel=2)(loaded)


def test_time_series_are_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.stack([VOXELS] * 12, -1), AFFINE), tmp_path / "beat.nii.gz")
    data = LoadImaged("image", ensure_channel_first=True)({"image": str(tmp_path / "beat.nii.gz")})
    with pytest.raises(InputError, match=r"beat.nii.gz is 4D with 12 time points or channels; "):
        AsVolumed("image")(data)
    with pytest.raises(InputError, match="5 axes"):
        AsVolumed("image")({"image": MetaTensor(torch.zeros(1, 4, 4, 4, 2, 2))})


@pytest.mark.parametrize(
    "spacing", [[1, 1], [1, 1, 0], [1, -1, 1], [1, 1, "thick"], 3, [1, 1, float("nan")], [1, 1, 900]]
)
def test_spacing_that_is_none(spacing):
    with pytest.raises(InputError, match=r"spacing is .* give three distances in mm"):
        AsVolumed("image")({"image": MetaTensor(torch.zeros(1, 4, 4)), "spacing": spacing})


@pytest.mark.parametrize("form", ["png", "nii.gz 3D", "nii 5D", "mha 2D"])
def test_other_keys_and_the_input_are_left_alone(tmp_path, form):
    data = LoadImaged("image", ensure_channel_first=True)({"image": str(written(tmp_path, form))})
    record = data | {"image_path": "somewhere", "image_note": 3, "spacing": [2.0, 2.0, 2.0]}
    shape, affine = record["image"].shape, torch.as_tensor(record["image"].affine).clone()
    result = AsVolumed(["image", "label"], allow_missing_keys=True)(record)
    assert {key: value for key, value in result.items() if key != "image"} == {
        key: value for key, value in record.items() if key != "image"
    }
    assert record["image"].shape == shape and torch.equal(record["image"].affine, affine)
    assert record["image"].applied_operations == [] and len(result["image"].applied_operations) == 1


def test_batches_from_worker_processes_invert(tmp_path):
    pre = preprocessing(Orientationd("image", axcodes="PLS"))
    records = [{"image": str(written(tmp_path, "png")), "spacing": [1.0, 2.0, 3.0]}] * 2
    (batch,) = DataLoader(Dataset(records, pre), batch_size=2, num_workers=1)
    assert batch["image"].shape == (2, 1, 30, 44, 1)
    one = {"image": batch["image"][1], "pred": batch["image"][1].clone()}
    assert np.array_equal(Invertd("pred", pre, orig_keys="image")(one)["pred"][0].numpy().T, PIXELS)


def test_transforms_can_be_pickled():
    twin = pickle.loads(pickle.dumps(Compose([AsVolumed("image"), CTIntensityd("image", (-160, 240))])))
    image = twin({"image": MetaTensor(torch.full((1, 4, 4), 40.0)), "intensity": "HU"})["image"]
    assert image.shape == (1, 4, 4, 1) and float(image.max()) == 0.5


def scaled(values, **record) -> torch.Tensor:
    image = MetaTensor(torch.as_tensor(values).reshape(1, 1, 1, -1), meta={"filename_or_obj": "ct.nii.gz"})
    return CTIntensityd("image", window=(-160, 240))({"image": image} | record)["image"]


@pytest.mark.parametrize("dtype", [torch.int16, torch.float64])
def test_hu_is_clipped_and_scaled(dtype):
    image = scaled(torch.tensor([-1000, -160, -60, 140, 240, 3000], dtype=dtype), intensity="HU")
    assert image.dtype == torch.float32 and isinstance(image, MetaTensor)
    assert np.allclose(image.flatten(), [0, 0, 0.25, 0.75, 1, 1])


def test_window8_is_divided():
    assert np.allclose(scaled([0, 51, 255], intensity="window8").flatten(), [0, 0.2, 1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 51.0, 255.0], [0, 0.2, 1]),
        ([-1.0, 40.0, 240.0], [0.3975, 0.5, 1]),
        ([0.0, 40.0, 300.0], [0.4, 0.5, 1]),
        ([0.0, 40.5, 255.0], [0.4, 0.50125, 1]),
    ],
)
def test_without_a_record_the_voxels_decide(values, expected):
    assert np.allclose(scaled(values).flatten(), expected)


@pytest.mark.parametrize(
    ("values", "record", "message"),
    [
        ([0.0, 0.3, 1.0], {"intensity": "HU"}, "ct.nii.gz looks normalised to 0..1"),
        ([0.0, 0.0, 1.0], {}, "looks normalised"),
        ([-2.0, 0.3, 1.4], {}, "looks normalised"),
        ([-900.0, 40.0], {"intensity": "window8"}, "holds -900 to 40, which is no 8-bit image"),
        ([0.0, 4000.0], {"intensity": "window8"}, "no 8-bit image"),
        ([0.0, 40.0], {"intensity": "T2"}, 'intensity of ct.nii.gz is "T2"'),
    ],
)
def test_intensities_that_are_refused(values, record, message):
    with pytest.raises(InputError, match=message):
        scaled(values, **record)


@pytest.mark.parametrize("window", [(240, -160), (1, 1), (1,), (1, 2, 3)])
def test_empty_window(window):
    with pytest.raises(InputError, match="window is"):
        CTIntensityd("image", window=window)


def test_real_kits_slice_equals_its_png(real_data):
    case = find_cases(real_data / "kits19_slices")[0]
    keys = ["image", "label"]
    load_both, upright = LoadImaged(keys, ensure_channel_first=True), Orientationd(keys, axcodes="PLS")
    data = Compose([load_both, AsVolumed(keys), upright])(case)
    for key in keys:
        assert np.array_equal(data[key][0, :, :, 0].numpy(), np.asarray(Image.open(case[key])))
    assert np.allclose(data["image"].pixdim, case["spacing"])


def test_intensity_reaches_its_top():
    scan = MetaTensor(torch.tensor([[[[-1000.0, -30.0, 200.0, 3000.0]]]]))
    scaled = CTIntensityd("image", window=(-30, 430), top=4.0)({"image": scan, "intensity": "HU"})["image"]
    assert scaled.flatten().tolist() == [0.0, 0.0, 2.0, 4.0]
    byte = MetaTensor(torch.tensor([[[[0.0, 51.0, 255.0]]]]))
    scaled = CTIntensityd("image", window=(-30, 430), top=4.0)({"image": byte, "intensity": "window8"})["image"]
    torch.testing.assert_close(scaled.flatten().as_tensor(), torch.tensor([0.0, 0.8, 4.0]))
