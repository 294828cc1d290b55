import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from trees import HIGH, SPACING, contour, dicom, high, inner, picture, sunnybrook

from patchseg.data import AsVolumed, CheckLabeld, LoadScand, find_cases, outlined, require_label
from patchseg.errors import InputError

EXPERT = "SCD_ManualContours/SC-HF-I-01/contours-manual/IRCCI-expert"


def loaded(case: dict) -> dict:
    data = AsVolumed(["image", "label"])(LoadScand(["image", "label"], ensure_channel_first=True)(case))
    return CheckLabeld("label", "image", [0, 2, 3, 255])(data)


@pytest.mark.parametrize(
    ("images", "series"),
    [
        ("SCD_IMAGES_01/SCD0000101/CINESAX_300", "0003"),
        ("challenge_training/SC-HF-I-1", "0004"),
        ("Sunnybrook Cardiac MR Database DICOMPart3/TrainingDataDICOM/SC-HF-I-01/DICOM", "0001"),
    ],
)
def test_slices_that_have_contours(tmp_path, images, series):
    cases = find_cases(sunnybrook(tmp_path, images, series))
    assert [(case["name"], case["patient"]) for case in cases] == [
        ("SC-HF-I-01_0048", "SC-HF-I-01"),
        ("SC-HF-I-01_0059", "SC-HF-I-01"),
    ]
    image = str(tmp_path / images / f"IM-{series}-0048.dcm")
    contours = [str(tmp_path / EXPERT / f"IM-0001-0048-{which}contour-manual.txt") for which in "io"]
    assert cases[0]["image"] == image and cases[0]["label"] == [*contours, image]
    assert json.loads(json.dumps(cases)) == cases == find_cases(tmp_path, labelled=False)


def test_contours_are_filled_on_the_pixels_of_their_slice(tmp_path):
    both, alone = (loaded(case) for case in find_cases(sunnybrook(tmp_path)))
    expected = np.where(inner(), 3, np.where(high(), 2, 0))
    np.testing.assert_array_equal(both["label"][0, :, :, 0].T, expected)
    np.testing.assert_array_equal(both["image"][0, :, :, 0].T, picture(high()))
    np.testing.assert_array_equal(alone["label"][0, :, :, 0].T, np.where(high(), 255, 0))
    np.testing.assert_allclose(both["image"].pixdim, [*SPACING, 8.0])
    np.testing.assert_allclose(both["image"].affine[:, 0], [-0.8 * 0.7, 0, -0.6 * 0.7, 0], atol=1e-6)
    np.testing.assert_array_equal(both["label"].affine, both["image"].affine)


def test_the_myocardium_is_learnt_from_slices_that_outline_it(tmp_path):
    cases = find_cases(sunnybrook(tmp_path))
    assert [case["name"][-4:] for case in outlined(cases, ["cavity", "myocardium"])] == ["0048"]
    assert outlined(cases, ["cavity"]) == cases
    require_label(cases, [3, 255])
    with pytest.raises(InputError, match=r"holds the value 1 .*IM-0001-0048-icontour-manual.txt"):
        require_label(cases, 1)
    with pytest.raises(InputError, match="none of the 1 cases outlines cavity and myocardium"):
        outlined(cases[1:], ["cavity", "myocardium"])


def test_the_short_axis_among_other_series(tmp_path):
    images = "challenge_training/SC-HF-I-1"
    sunnybrook(tmp_path, images, "0004")
    for number in (48, 50):
        dicom(tmp_path / images / f"IM-0002-{number:04d}.dcm", picture(inner()))  # lacks slice 59
    assert {Path(case["image"]).name[:7] for case in find_cases(tmp_path)} == {"IM-0004"}
    dicom(tmp_path / images / "IM-0002-0059.dcm", picture(inner()))
    with pytest.raises(InputError, match="SC-HF-I-01 has two series of 3 images"):
        find_cases(tmp_path)
    dicom(tmp_path / images / "IM-0004-0060.dcm", picture(inner()))
    assert {Path(case["image"]).name[:7] for case in find_cases(tmp_path)} == {"IM-0004"}


def test_contours_without_their_image(tmp_path):
    sunnybrook(tmp_path)
    slice_ = tmp_path / "SCD_IMAGES_01/SCD0000101/CINESAX_300/IM-0003-0059.dcm"
    slice_.unlink()
    with pytest.raises(InputError, match=r"without their DICOM image .*: SC-HF-I-01/IM-0001-0059-icontour"):
        find_cases(tmp_path)
    (tmp_path / "scd_patientdata.csv").unlink()
    with pytest.raises(InputError, match=r"scd_patientdata\.csv tells whose a folder is"):
        find_cases(tmp_path)


def test_two_contours_of_a_slice(tmp_path):
    contour(sunnybrook(tmp_path) / EXPERT / "../other/IM-0001-0048-icontour-manual.txt", HIGH)
    with pytest.raises(InputError, match="SC-HF-I-01 has two contours of one slice"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "with 0 points; it takes three"),
        ("1 2\n3 4\n", "with 2 points; it takes three"),
        ("1 2\n3 4\n5\n", "is no contour; it needs the x and y"),
        ("1 2\n3 4\nfive 6\n", "is no contour"),
        ("1 2\n3 4\nnan 6\n", "is no contour"),
        ("900 900\n910 900\n910 910\n", "outlines nothing inside its picture of 52 x 40 pixels"),
    ],
)
def test_contours_that_are_none(tmp_path, text, said):
    sunnybrook(tmp_path)
    (tmp_path / EXPERT / "IM-0001-0048-icontour-manual.txt").write_text(text)
    with pytest.raises(InputError, match=rf"IM-0001-0048-icontour-manual.txt .*{said}"):
        loaded(find_cases(tmp_path)[0])


def test_an_image_that_is_cut_short(tmp_path):
    case = find_cases(sunnybrook(tmp_path))[0]
    image = Path(case["image"])
    image.write_bytes(image.read_bytes()[:300])
    with pytest.raises(InputError, match=r"IM-0003-0048.dcm cannot be read as an image"):
        loaded(case)
    with pytest.raises(InputError, match=r"IM-0003-0048.dcm cannot be read as an image"):
        require_label([case], 3)
