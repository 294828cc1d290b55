"""One CT series through the real SDK, as a user runs it; the first tests to run."""

import subprocess
import sys

from dicom_series import LIMIT, REPOSITORY
from overlay import assert_refers_to, assert_same, segmentation


def test_a_ct_series_as_a_user_runs_it(cases, expected, tmp_path):
    command = [sys.executable, REPOSITORY / "apps" / "deploy", "-i", cases["ct"].folder, "-o", tmp_path / "out"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, cwd=tmp_path)
    assert ended.returncode == 0
    (said,) = ended.stderr.splitlines()
    assert "model.pt is under CC-BY-NC-SA-4.0: not for commercial use" in said
    seg = segmentation(tmp_path / "out")
    assert f"segmentation  {tmp_path / 'out'}" in ended.stdout and " ml" in ended.stdout
    assert_same(seg, expected["ct"])
    assert_refers_to(seg, cases["ct"].folder)
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == "tumour" and segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Neoplasm"
    assert segment.AnatomicRegionSequence[0].CodeMeaning == "Kidney"
    assert seg.ContributingEquipmentSequence[0].ManufacturerModelName == "crossover_kidney"


def test_bad_input_as_a_user_meets_it(tmp_path):
    command = [sys.executable, REPOSITORY / "apps" / "deploy", "-i", tmp_path, "-o", tmp_path / "out"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert ended.returncode == 2 and ended.stdout == ""
    sentence = "holds no DICOM images of single slices: give the folder of a CT or MR series."
    assert ended.stderr == f"error: {tmp_path} {sentence}\n"
    assert not (tmp_path / "out").exists()
