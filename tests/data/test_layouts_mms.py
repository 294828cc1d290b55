import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from trees import heart, mms, mms2, nifti, picture

from patchseg.data import AsVolumed, LoadScand, find_cases, require_label
from patchseg.errors import InputError

NUMBERED = "ignore:labels of M&Ms are read with ACDC's numbers"
pytestmark = pytest.mark.filterwarnings(NUMBERED)


def loaded(case: dict) -> dict:
    return AsVolumed(["image", "label"])(LoadScand(["image", "label"], ensure_channel_first=True)(case))


def test_a_case_for_each_labelled_time_point(tmp_path):
    with pytest.warns(UserWarning, match="1 right ventricle, 2 myocardium, 3 left-ventricle cavity"):
        cases = find_cases(mms(tmp_path))
    assert [(case["name"], case["patient"], case["frame"]) for case in cases] == [
        ("A0S9V9_ED", "A0S9V9", 1),
        ("A0S9V9_ES", "A0S9V9", 3),
        ("B1C2D3_ED", "B1C2D3", 1),
        ("B1C2D3_ES", "B1C2D3", 3),
    ]
    assert json.loads(json.dumps(cases)) == cases
    everything = find_cases(tmp_path, labelled=False)
    assert len(everything) == 6 and "label" not in everything[-1]
    assert find_cases(tmp_path / "Testing")[0]["frame"] == 1  # the list lies above


def test_left_and_right_ventricle_keep_apart_at_each_time_point(tmp_path):
    end_diastole, end_systole = (loaded(case) for case in find_cases(mms(tmp_path))[:2])
    for data, label in ((end_diastole, heart()), (end_systole, heart(shift=4))):
        np.testing.assert_array_equal(data["label"][0], label)
        np.testing.assert_array_equal(data["image"][0], picture(label))
        np.testing.assert_allclose(data["image"].affine, np.diag([-1.5, -1.2, 8.0, 1.0]))


def test_labels_are_looked_for_by_the_numbers_they_are_given(tmp_path):
    cases = find_cases(mms2(tmp_path))
    require_label(cases, 3)
    image = Path(cases[0]["label"])
    nifti(image, (heart() == 3).astype(np.uint8))  # nothing but the left ventricle, which M&Ms calls 1
    require_label(cases[:1], 3)
    with pytest.raises(InputError, match="holds the value 1"):
        require_label(cases[:1], 1)


def test_mms2_short_axis_alone(tmp_path):
    cases = find_cases(mms2(tmp_path))
    assert [(case["name"], case["patient"]) for case in cases] == [("001_SA_ED", "001"), ("001_SA_ES", "001")]
    np.testing.assert_array_equal(loaded(cases[0])["label"][0], heart())
    (tmp_path / "dataset/001/001_SA_ES.nii.gz").unlink()
    with pytest.raises(InputError, match=r"labels without an image: 001_SA_ES_gt.nii.gz"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "no CSV file with the columns External code, ED and ES"),
        ("External code,ED\nA0S9V9,1\n", "no CSV file with the columns"),
        ("External code,ED,ES\n", "no CSV file with the columns"),
        ("External code,ED,ES\nA0S9V9,1,3\n", "scans that its CSV file does not list: B1C2D3;"),
        ("External code,ED,ES\nA0S9V9,1,late\nB1C2D3,1,3\n", "line 2 gives a time point that is no number"),
        ("External code,ED,ES\nA0S9V9,1\nB1C2D3,1,3\n", "line 2 gives a time point that is no number"),
    ],
)
def test_lists_that_are_wrong(tmp_path, lines, said):
    (listing,) = mms(tmp_path).glob("*.csv")
    listing.write_text(lines)
    with pytest.raises(InputError, match=said):
        find_cases(tmp_path)


def test_time_points_that_are_wrong(tmp_path):
    case = find_cases(mms(tmp_path))[0]
    with pytest.raises(InputError, match="5 channels and no channel 5; count them from 0"):
        loaded(case | {"frame": 5})
    with pytest.raises(InputError, match=r"_gt.nii.gz is empty at time point 2 and not at others"):
        loaded(case | {"frame": 2})
    loading = LoadScand("image", ensure_channel_first=True)
    with pytest.raises(
        InputError, match="is read at time point 1, as its data set says; leave channel or frame out"
    ):
        AsVolumed("image", channel=0)(loading(case))


def test_a_label_that_is_missing(tmp_path):
    (mms(tmp_path) / "Testing/B1C2D3/B1C2D3_sa_gt.nii.gz").unlink()
    with pytest.raises(InputError, match="images without a label: B1C2D3_ED, B1C2D3_ES;"):
        find_cases(tmp_path)
