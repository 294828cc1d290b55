"""Bad input ends with one sentence and exit code 2, and nothing is written."""

import json
import shutil

import pydicom
import pytest
from dicom_series import REPOSITORY, write_series
from patchseg_deploy.command import main


@pytest.fixture
def refused(capsys, tmp_path):
    """Run, expect one sentence that holds these words, and no output."""

    def check(words, folder, *arguments, out=tmp_path / "out"):
        with pytest.raises(SystemExit) as stop:
            main(["--input", str(folder), "--output", str(out), *map(str, arguments)])
        lines = capsys.readouterr().err.strip().splitlines()
        assert stop.value.code == 2 and len(lines) == 1 and lines[0].startswith("error: "), lines
        assert words in lines[0]
        assert not (tmp_path / "out").exists()

    return check


def test_folders(refused, cases, tmp_path):
    (tmp_path / "empty").mkdir()
    refused("there is no folder", tmp_path / "nowhere")
    refused("holds no DICOM images", tmp_path / "empty")
    (tmp_path / "empty" / "notes.txt").write_text("no DICOM")
    (tmp_path / "empty" / "scan.dcm").write_bytes(b"no DICOM")
    refused("holds no DICOM images", tmp_path / "empty")
    refused("no CT series: choose one with --series UID out of", cases["mr"].folder)
    refused("no series 9.9", cases["ct"].folder, "--series", "9.9")
    refused("choose one of those found", cases["ct"].folder, "--bundle", "nothing")


def test_outputs(refused, cases, tmp_path):
    (tmp_path / "file").write_text("here already")
    refused("cannot be written to", cases["ct"].folder, out=tmp_path / "file")
    refused("cannot be written to", cases["ct"].folder, out=tmp_path / "no" / "parent")
    refused("cannot be written to", cases["ct"].folder, out="/proc/results")
    assert (tmp_path / "file").read_text() == "here already"


def test_missing_arguments(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["--output", str(tmp_path / "out")])
    assert stop.value.code == 2 and "--input" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("misses a slice", {"skip": [2]}),
        ("two slices at one position", {"moved": {2: -3.0495829}}),
        ("uneven slice spacing", {"moved": {2: 0.6}}),
        ("one slice of series", {"skip": [1, 2, 3, 4]}),
    ],
)
def test_slices_that_make_no_volume(refused, cases, tmp_path, words, changes):
    case = cases["ct"]
    refused(words, write_series(tmp_path / "dicom", case.voxels, case.affine, "CT", **changes))


def test_a_series_in_two_folders(refused, cases, tmp_path):
    folder = shutil.copytree(cases["ct"].folder, tmp_path / "dicom")
    (folder / "more").mkdir()
    shutil.move(folder / "slice_004.dcm", folder / "more")
    refused("spread over 2 folders", folder)


def test_a_series_without_patient(refused, cases, tmp_path):
    folder = shutil.copytree(cases["ct"].folder, tmp_path / "dicom")
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        del image.PatientSex, image.AccessionNumber
        image.save_as(path)
    refused("lacks PatientSex, AccessionNumber", folder)


def test_damaged_pixels(refused, cases, tmp_path):
    folder = shutil.copytree(cases["ct"].folder, tmp_path / "dicom")
    image = pydicom.dcmread(folder / "slice_002.dcm")
    image.PixelData = image.PixelData[:2000]
    image.save_as(folder / "slice_002.dcm")
    refused("cannot be read as one volume", folder)


def test_weights_of_another_network(refused, cases, tmp_path):
    for name in ("crossover_kidney", "seqpatch_prostate"):
        shutil.copytree(REPOSITORY / "bundles" / name, tmp_path / "bundles" / name)
    weights = tmp_path / "bundles" / "crossover_kidney" / "models" / "model.pt"
    shutil.copy(tmp_path / "bundles" / "seqpatch_prostate" / "models" / "model.pt", weights)
    (weights.parent / "model.pt.sha256").unlink(missing_ok=True)
    refused("is a checkpoint of another network", cases["ct"].folder, "--model", tmp_path / "bundles")
    weights.unlink()
    (weights.parent / "model.ts").write_bytes(b"never looked at")
    refused("there are no weights", cases["ct"].folder, "--model", tmp_path / "bundles")


def test_clicks_where_they_do_not_belong(refused, cases):
    case, click = cases["mr"], ["--bundle", "seqpatch_prostate"]
    refused("crossover_kidney takes no clicks", cases["ct"].folder, "--at", "1,2,3")
    refused("needs a click inside the object", case.folder, *click)
    refused("needs a click inside the object", case.folder, *click, "--not", "1,2,3")
    refused("lies outside of the series (x ", case.folder, *click, "--at", "-900,0,0")
    for voxel, flag in (((-1, 20, 2), "--at"), ((20, case.voxels.shape[1], 2), "--at"), ((20, 20, 6), "--not")):
        outside = ",".join(map(str, case.lps(voxel)))
        inside = ",".join(map(str, case.lps()))
        refused("lies outside of the series", case.folder, *click, "--at", inside, flag, outside)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "neither JSON nor DICOM"),
        ([[1, 2, 3]], "does not say that its clicks are LPS"),
        ({"foreground": [[1, 2, 3]]}, "does not say that its clicks are LPS"),
        ({"coordinates": "RAS", "foreground": [[1, 2, 3]]}, "not voxels and not RAS"),
        ({"coordinates": "LPS", "forground": [[1, 2, 3]]}, 'has a key "forground"'),
        ({"coordinates": "LPS", "foreground": [1, 2, 3]}, "foreground holds 1, which is no point"),
        ({"coordinates": "LPS", "foreground": [[1, 2]]}, "holds [1, 2], which is no point"),
        ({"coordinates": "LPS", "foreground": [[1, 2, "x"]]}, "which is no point"),
        ({"coordinates": "LPS", "foreground": [[1, 2, float("nan")]]}, "which is no point"),
        ({"coordinates": "LPS", "background": "1,2,3"}, "background holds 1,2,3, which is no point"),
    ],
)
def test_click_files(refused, cases, tmp_path, content, words):
    path = tmp_path / "clicks.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    refused(words, cases["mr"].folder, "--bundle", "seqpatch_prostate", "--clicks", path)


def test_click_files_that_are_dicom(refused, cases, tmp_path):
    click = ["--bundle", "seqpatch_prostate", "--clicks"]
    refused("there is no file", cases["mr"].folder, *click, tmp_path / "nothing.json")
    refused("is no presentation state", cases["mr"].folder, *click, cases["mr"].folder / "slice_000.dcm")


def test_points_as_typed(refused, cases):
    click = ["--bundle", "seqpatch_prostate", "--at"]
    refused("--at holds ['1', '2'], which is no point", cases["mr"].folder, *click, "1,2")
    refused("which is no point", cases["mr"].folder, *click, "here")
    refused("which is no point", cases["mr"].folder, *click)
