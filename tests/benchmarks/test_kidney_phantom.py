"""The demo's figures in one file."""

import json
import shutil

import pytest
from kidney_phantom import main

from patchseg.errors import InputError


def test_figures_of_the_demo(phantom_results, capsys):
    results = json.loads(phantom_results.read_text())
    assert results["summary"]["mean"]["dsc"] == 0.45 and results["summary"]["missed"] == 1
    assert results["cases"][1]["hd_mm"] is None
    assert results["threshold_dsc"] == 1.0  # in these two the tumour alone lies above 0 HU
    assert results["training"] == {"epochs": 2, "seconds": 90.0}
    assert results["seconds"] == {"training": 100.0, "evaluation": 8.0}
    assert results["about"]["versions"]["monai"]


def test_prints_the_table(phantom_run, tmp_path, capsys):
    main(*map(str, phantom_run), str(tmp_path / "out.json"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["case_00000", "0.900", "4.00"] and lines[3].split()[:2] == ["mean", "0.450"]
    assert "best threshold, mean dsc 1.000" in lines


def test_no_folder_of_the_machine(phantom_results, tmp_path):
    assert str(tmp_path) not in phantom_results.read_text()


def test_other_phantoms_are_refused(phantom_run, tmp_path):
    run, data = phantom_run
    shutil.rmtree(data / "case_00001")
    with pytest.raises(InputError, match="has no case_00001"):
        main(str(run), str(data), str(tmp_path / "out.json"))
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("missing", ["training.jsonl", "timings.json", "evaluation/results.json"])
def test_an_unfinished_demo_is_refused(phantom_run, tmp_path, missing):
    run, data = phantom_run
    (run / missing).unlink()
    with pytest.raises(InputError, match="first"):
        main(str(run), str(data), str(tmp_path / "out.json"))
