import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from trees import cbis, dicom, high, inner, picture

from patchseg.data import AsVolumed, CheckLabeld, LoadScand, find_cases
from patchseg.errors import InputError

NAME = "Mass-Training_P_00001_LEFT_CC"


def loaded(case: dict) -> dict:
    data = AsVolumed(["image", "label"])(LoadScand(["image", "label"], ensure_channel_first=True)(case))
    return CheckLabeld("label", "image", [0, 1])(data)


def masks(folder: Path) -> dict[str, list[Path]]:
    return {path.name: sorted(path.rglob("*.dcm")) for path in folder.glob(f"{NAME}_*")}


def test_mammograms_with_all_of_their_masses(tmp_path):
    folder = cbis(tmp_path)
    (case,) = find_cases(tmp_path)
    assert (case["name"], case["patient"]) == (NAME, "P_00001")
    (image,) = (folder / NAME).rglob("*.dcm")
    assert case["image"] == str(image)
    assert case["label"] == [*(str(path) for found in masks(folder).values() for path in found), str(image)]
    assert find_cases(folder) == find_cases(tmp_path, labelled=False) == [case]


def test_the_mask_is_told_from_the_cut_out(tmp_path):
    cbis(tmp_path)
    data = loaded(find_cases(tmp_path)[0])
    both = high() | np.roll(inner(), 20, axis=1)
    np.testing.assert_array_equal(data["label"][0, :, :, 0].T, both)
    np.testing.assert_array_equal(data["image"][0, :, :, 0].T, picture(both))
    np.testing.assert_array_equal(data["label"].affine, data["image"].affine)


def test_mask_and_cut_out_in_series_of_their_own(tmp_path):
    folder = cbis(tmp_path)
    for number, files in enumerate(masks(folder).values()):
        other = files[0].parent.with_name(f"1.000000-cropped images-{number}")
        other.mkdir()
        files[0].rename(other / "1-1.dcm")
    label = loaded(find_cases(tmp_path)[0])["label"]
    np.testing.assert_array_equal(label[0, :, :, 0].T, high() | np.roll(inner(), 20, axis=1))


def test_a_mask_of_another_size(tmp_path):
    first, second = masks(cbis(tmp_path)).values()
    dicom(first[1], np.kron(high(), np.ones((2, 2))).astype(np.uint8) * 255, "MG")
    dicom(second[0], np.zeros((80, 104), np.uint8), "MG")
    with pytest.warns(UserWarning, match="has 104 x 80 pixels, its mammogram 52 x 40: it is brought to that size"):
        label = loaded(find_cases(tmp_path)[0])["label"]
    np.testing.assert_array_equal(label[0, :, :, 0].T, high())
    dicom(first[1], np.eye(40, dtype=np.uint8), "MG")
    with pytest.raises(InputError, match="has 40 x 40 pixels, its mammogram 52 x 40; take the mammogram"):
        loaded(find_cases(tmp_path)[0])


def test_folders_without_a_mask_or_with_several(tmp_path):
    first, _ = masks(cbis(tmp_path)).values()
    case = find_cases(tmp_path)[0]
    dicom(first[0], high().astype(np.uint8), "MG")
    with pytest.raises(InputError, match=f"{NAME}_1 has 2 images of two values"):
        loaded(case)
    for path in first:
        dicom(path, picture(high()), "MG")
    with pytest.raises(InputError, match=f"{NAME}_1 has 0 images of two values"):
        loaded(case)
    first[0].write_bytes(first[0].read_bytes()[:300])
    with pytest.raises(InputError, match=r"1-1.dcm cannot be read as an image"):
        loaded(case)


def test_partners_that_are_missing(tmp_path):
    folder = cbis(tmp_path)
    (image,) = (folder / NAME).rglob("*.dcm")
    content = image.read_bytes()
    image.with_name("1-2.dcm").write_bytes(content)
    with pytest.raises(InputError, match=f"mammograms of several images: {NAME};"):
        find_cases(tmp_path)
    image.with_name("1-2.dcm").unlink()
    image.unlink()
    with pytest.raises(InputError, match=f"folders without a DICOM image: {NAME};"):
        find_cases(tmp_path)
    (folder / NAME).rename(folder / "Mass-Training_P_00002_LEFT_CC")
    (folder / "Mass-Training_P_00002_LEFT_CC/1-1.dcm").write_bytes(content)
    with pytest.raises(InputError, match=f"masses without their mammogram: {NAME};"):
        find_cases(tmp_path)
    for path in folder.glob(f"{NAME}_*"):
        path.rename(tmp_path / path.name.replace("Mass", "Calc"))
    with pytest.raises(InputError, match="images without a label: Mass-Training_P_00002_LEFT_CC;"):
        find_cases(tmp_path)
