"""Held-out patients of the shipped weights: which, and the table of what was found."""

import json

import pytest
import shipped
from table_rows import eval_metrics
from table_rows import shipped as table

from patchseg.data import read_split
from patchseg.handlers.case_measures import write_results


def cases(patients: int) -> list[dict[str, str]]:
    return [{"name": f"p{n}_{scan}", "patient": f"p{n}"} for n in range(patients) for scan in "ab"]


def test_every_fifth_patient_with_all_their_scans():
    chosen = shipped._every_fifth_patient(cases(9))
    assert [case["name"] for case in chosen] == ["p0_a", "p0_b", "p5_a", "p5_b"]


def test_one_run_per_line_of_the_results(monkeypatch, tmp_path, slice_set):
    """The evaluation itself is the bundle's, tested there; here a stand-in writes what it would."""
    given = []

    def run(bundle, settings):
        given.append((bundle, settings))
        names = read_split(settings["split_file"])["validate"]
        found = [{"name": n, "patient": n[:2], "dsc": 0.8, "hd_mm": 4.0, "or": 0.1, "ur": 0.2} for n in names]
        found = [case | {"volume_ml": 1.0, "reference_ml": 1.0} for case in found]
        write_results(settings["output_dir"] / "results.json", {}, found)

    monkeypatch.setattr(shipped, "_run", run)
    one = shipped.Measured("crossover_cardiac", "Discs, all", "{data}", list, {"spacing": 0})
    monkeypatch.setattr(shipped, "ALL", (one,))
    shipped.main(str(slice_set), results=str(tmp_path / "shipped.json"))
    results = json.loads((tmp_path / "shipped.json").read_text())
    assert [(bundle, settings["spacing"]) for bundle, settings in given] == [("crossover_cardiac", 0)]
    assert results["measured"][0]["patient_dsc"] == pytest.approx(0.8) and results["measured"][0]["patients"] == 6
    assert "| crossover_cardiac | Discs, all | whole | 6 | 0.800 ± 0.000 (6) | 0.800 |" in table(results)
    assert eval_metrics({"shipped": results})["discs_mean_dice"] == 0.8
