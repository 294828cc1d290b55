"""The whole application: the segmentation lies where `patchseg` finds it, in millimetres of the patient."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from dicom_series import REPOSITORY, write_series
from overlay import assert_refers_to, assert_same, points, segmentation
from patchseg_deploy.command import main
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from patchseg.packing import pack_bundle


def run(*arguments):
    main([str(argument) for argument in arguments])


def test_an_oblique_ct_series_beside_another_in_odd_files(cases, expected, tmp_path):
    """Beside it an MR, which the bundle is not made for, and files that are no DICOM."""
    folder = shutil.copytree(cases["oblique_ct"].folder, tmp_path / "study" / "series 1")
    shutil.copytree(cases["mr"].folder, tmp_path / "study" / "series 2")
    (folder / "readme.txt").write_text("from the archive")
    run("--input", tmp_path / "study", "--output", tmp_path / "out")
    seg = segmentation(tmp_path / "out")
    assert_same(seg, expected["oblique_ct"])
    assert_refers_to(seg, cases["oblique_ct"].folder)


def test_one_series_of_several_by_its_uid(cases, expected, tmp_path, capsys):
    """One UID begins like the other."""
    case = cases["ct"]
    write_series(
        tmp_path / "dicom", case.voxels[..., ::-1], case.affine, "CT", uid="1.2.8.11", description="delayed"
    )
    names = [f"x{n}" for n in range(9)]
    write_series(tmp_path / "dicom", case.voxels, case.affine, "CT", uid="1.2.8.1", names=names)
    with pytest.raises(SystemExit) as stop:
        run("-i", tmp_path / "dicom", "-o", tmp_path / "out")
    refused = capsys.readouterr().err
    assert stop.value.code == 2 and "several CT series" in refused and "--series UID" in refused
    assert "1.2.8.11 (CT, delayed, 5 slices)" in refused and "1.2.8.1 (CT, portal venous, 5 slices)" in refused
    run("-i", tmp_path / "dicom", "-o", tmp_path / "out", "--series", "1.2.8.1")
    assert_same(segmentation(tmp_path / "out"), expected["ct"])


def test_a_click_from_json(cases, expected, tmp_path):
    case = cases["oblique_mr"]
    clicks = {"coordinates": "LPS", "foreground": [case.lps()]}
    (tmp_path / "clicks.json").write_text(json.dumps(clicks))
    out = tmp_path / "out"
    run("-i", case.folder, "-o", out, "--bundle", "seqpatch_prostate", "--clicks", tmp_path / "clicks.json")
    seg = segmentation(out)
    assert_same(seg, expected["oblique_mr"])
    assert_refers_to(seg, case.folder)
    assert np.linalg.norm(points(seg) - case.lps(), axis=1).min() < 0.1
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == "object" and segment.SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_the_same_click_as_a_point_and_as_a_presentation_state(cases, expected, tmp_path):
    case = cases["mr"]
    run(
        "-i",
        case.folder,
        "-o",
        tmp_path / "point",
        "-b",
        "seqpatch_prostate",
        "--at",
        ",".join(map(str, case.lps())),
    )
    assert_same(segmentation(tmp_path / "point"), expected["mr"])
    state = presentation_state(case, tmp_path / "state.dcm")
    run("-i", case.folder, "-o", tmp_path / "state", "-b", "seqpatch_prostate", "--clicks", state)
    assert_same(segmentation(tmp_path / "state"), expected["mr"])


def test_slices_written_from_the_last_to_the_first(cases, expected, tmp_path):
    """Names and instance numbers run against the positions, which alone count."""
    case = cases["ct"]
    flipped = case.affine @ nib.affines.from_matvec(np.diag([1, 1, -1]), [0, 0, case.voxels.shape[2] - 1])
    folder = write_series(tmp_path / "dicom", case.voxels[..., ::-1], flipped, "CT", intercept=-1024)
    run("-i", folder, "-o", tmp_path / "out")
    assert_same(segmentation(tmp_path / "out"), expected["ct"])


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The bundles out of the files of `patchseg pack`, each with its own copy of the code."""
    folder = tmp_path_factory.mktemp("unpacked")
    for name in ("crossover_kidney", "seqpatch_prostate"):
        with zipfile.ZipFile(pack_bundle(REPOSITORY / "bundles" / name, folder)) as archive:
            archive.extractall(folder)
    return folder


@pytest.mark.parametrize(("bundle", "name"), [("crossover_kidney", "ct"), ("seqpatch_prostate", "mr")])
def test_packed_bundles_run_their_own_code(cases, expected, unpacked, tmp_path, bundle, name):
    """In one process, after the same bundles out of the repository."""
    click = [] if name == "ct" else ["--at", ",".join(map(str, cases[name].lps()))]
    run("-i", cases[name].folder, "-o", tmp_path / "out", "-m", unpacked, "-b", bundle, *click)
    assert_same(segmentation(tmp_path / "out"), expected[name])
    (package,) = (path.name for path in (unpacked / bundle).glob("patchseg_*"))
    assert package in sys.modules


def presentation_state(case, path: Path) -> Path:
    """A GSPS as a PACS writes it: one point, in pixels from the corner of the first one."""
    column, row, index = case.click
    image = pydicom.dcmread(case.folder / f"slice_{index:03d}.dcm")
    graphic, annotation, reference = (pydicom.Dataset() for _ in range(3))
    graphic.GraphicAnnotationUnits, graphic.GraphicDimensions, graphic.NumberOfGraphicPoints = "PIXEL", 2, 1
    graphic.GraphicType, graphic.GraphicData = "POINT", [column + 0.5, row + 0.5]
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    annotation.ReferencedImageSequence, annotation.GraphicObjectSequence = [reference], [graphic]
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = GrayscaleSoftcopyPresentationStateStorage
    image.GraphicAnnotationSequence, image.Modality = [annotation], "PR"
    del image.PixelData
    image.save_as(path)
    return path
