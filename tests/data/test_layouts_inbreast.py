import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from trees import HIGH, SPACING, dicom, high, inbreast, inner, picture, regions

from patchseg.data import AsVolumed, CheckLabeld, LoadScand, find_cases
from patchseg.errors import InputError

RELEASE = "INbreast Release 1.0"
FIRST = "20586908_6c613a14b80a8591_MG_R_CC_ANON"


def loaded(case: dict) -> dict:
    data = AsVolumed(["image", "label"])(LoadScand(["image", "label"], ensure_channel_first=True)(case))
    return CheckLabeld("label", "image", [0, 1])(data)


def test_images_that_show_a_mass(tmp_path):
    (case,) = find_cases(inbreast(tmp_path))
    folder = tmp_path / RELEASE
    image, xml = str(folder / f"AllDICOMs/{FIRST}.dcm"), str(folder / "AllXML/20586908.xml")
    assert (case["name"], case["patient"]) == (FIRST, "6c613a14b80a8591")
    assert case["image"] == image and case["label"] == [xml, image]
    everything = find_cases(tmp_path, labelled=False)
    assert [(case["patient"], "label" in case) for case in everything] == [
        ("6c613a14b80a8591", True),
        ("6c613a14b80a8591", False),
        ("5530d5782fc89dd7", False),
    ]
    assert find_cases(folder) == [case]


def test_masses_alone_are_filled_on_the_pixels_of_their_image(tmp_path):
    data = loaded(find_cases(inbreast(tmp_path))[0])
    np.testing.assert_array_equal(data["label"][0, :, :, 0].T, high())
    np.testing.assert_array_equal(data["image"][0, :, :, 0].T, picture(high()))
    np.testing.assert_allclose(data["image"].pixdim[:2], SPACING)
    np.testing.assert_array_equal(data["label"].affine, data["image"].affine)


def test_several_masses_are_one_mask(tmp_path):
    spot = [(39.5, 4.5), (44.5, 4.5), (44.5, 9.5), (39.5, 9.5)]
    regions(inbreast(tmp_path) / RELEASE / "AllXML/20586908.xml", mass=HIGH, **{"Mass_": spot})
    expected = high()
    expected[5:10, 40:45] = True
    np.testing.assert_array_equal(loaded(find_cases(tmp_path)[0])["label"][0, :, :, 0].T, expected)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"<plist>", b"<?xml version='1.0'?><plist version='1.0'><dict/></plist>"]
)
def test_outlines_that_cannot_be_read(tmp_path, content):
    (inbreast(tmp_path) / RELEASE / "AllXML/20586908.xml").write_bytes(content)
    with pytest.raises(InputError, match=r"20586908.xml cannot be read as INbreast's list of outlines"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (HIGH[:2], "with 2 points; it takes three"),
        ([(x + 900, y) for x, y in HIGH], "outlines nothing inside its picture of 52 x 40 pixels"),
    ],
)
def test_masses_that_are_none(tmp_path, points, said):
    regions(inbreast(tmp_path) / RELEASE / "AllXML/20586908.xml", Mass=points)
    with pytest.raises(InputError, match=rf"20586908.xml .*{said}"):
        loaded(find_cases(tmp_path)[0])


def test_partners_that_are_missing(tmp_path):
    folder = inbreast(tmp_path) / RELEASE
    (folder / f"AllDICOMs/{FIRST}.dcm").unlink()
    with pytest.raises(InputError, match=r"XML files without an image: 20586908.xml;"):
        find_cases(tmp_path)
    dicom(folder / "AllDICOMs/scan.dcm", picture(inner()), "MG")
    with pytest.raises(InputError, match=r"images not named as INbreast's: scan.dcm;"):
        find_cases(tmp_path)
    (folder / "AllDICOMs/scan.dcm").unlink()
    (folder / "AllXML/20586908.xml").unlink()
    with pytest.raises(InputError, match="holds no labelled images"):
        find_cases(tmp_path)
    (folder / "AllXML/20586934.xml").unlink()
    with pytest.raises(InputError, match="no XML files in AllXML/"):
        find_cases(tmp_path)
