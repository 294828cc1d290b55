import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from trees import acdc, heart, nifti

from patchseg.data import find_cases
from patchseg.errors import InputError


@pytest.mark.parametrize("level", ["", "training", "database/training"])
def test_frames_with_their_labels_and_never_the_cine(tmp_path, level):
    acdc(tmp_path / level, 2, 1)
    cases = find_cases(tmp_path)
    assert [(case["name"], case["patient"]) for case in cases] == [
        ("patient001_frame01", "patient001"),
        ("patient001_frame12", "patient001"),
        ("patient002_frame01", "patient002"),
        ("patient002_frame12", "patient002"),
    ]
    folder = tmp_path / level / "patient001"
    assert cases[1]["image"] == str(folder / "patient001_frame12.nii.gz")
    assert cases[1]["label"] == str(folder / "patient001_frame12_gt.nii.gz")
    assert find_cases(tmp_path, labelled=False) == cases


def test_one_patient_alone(tmp_path, monkeypatch):
    acdc(tmp_path, 7)
    monkeypatch.chdir(tmp_path / "patient007")
    assert [case["patient"] for case in find_cases(".")] == ["patient007", "patient007"]


def test_testing_with_and_without_labels(tmp_path):
    acdc(tmp_path / "training", 1)
    acdc(tmp_path / "testing", 101)
    assert len(find_cases(tmp_path)) == 4
    for label in (tmp_path / "testing").rglob("*_gt.nii.gz"):
        label.unlink()
    assert {case["patient"] for case in find_cases(tmp_path)} == {"patient001"}
    assert {case["patient"] for case in find_cases(tmp_path, labelled=False)} == {"patient001", "patient101"}
    with pytest.raises(InputError, match="holds no labelled images"):
        find_cases(tmp_path / "testing")


def test_partners_that_are_missing(tmp_path):
    acdc(tmp_path, 1, 2)
    frame = tmp_path / "patient001/patient001_frame01"
    Path(f"{frame}.nii.gz").unlink()
    with pytest.raises(InputError, match=r"labels without an image: patient001_frame01_gt.nii.gz"):
        find_cases(tmp_path)
    Path(f"{frame}_gt.nii.gz").unlink()
    nifti(Path(f"{frame}.nii.gz"), heart())
    with pytest.raises(InputError, match="images without a label: patient001_frame01;"):
        find_cases(tmp_path)
    (tmp_path / "patient003").mkdir()
    with pytest.raises(InputError, match="patients without a frame: patient003;"):
        find_cases(tmp_path)


def test_the_flat_form_is_read_as_before(tmp_path):
    acdc(tmp_path / "tree", 1)
    for path in (tmp_path / "tree/patient001").glob("*_frame*"):
        path.rename(tmp_path / path.name)
    (case, _) = find_cases(tmp_path)
    assert (case["name"], case["patient"]) == ("patient001_frame01", "patient001")
