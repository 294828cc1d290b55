"""Held-out patients of the shipped weights: which, and the table of what was found."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import shipped
from table_rows import eval_metrics, retrained
from table_rows import shipped as table

from patchseg.data import find_cases, read_split
from patchseg.errors import InputError
from patchseg.handlers.case_measures import write_results


def cases(patients: int) -> list[dict[str, str]]:
    return [{"name": f"p{n}_{scan}", "patient": f"p{n}"} for n in range(patients) for scan in "ab"]


def test_every_fifth_patient_with_all_their_scans():
    chosen = shipped._every_fifth_patient(cases(9))
    assert [case["name"] for case in chosen] == ["p0_a", "p0_b", "p5_a", "p5_b"]


MEASURES = ("dsc", "hd_mm", "or", "ur", "cavity_dsc", "cavity_hd_mm", "myocardium_dsc", "myocardium_hd_mm")


@pytest.fixture
def given(monkeypatch):
    """What was to be evaluated. That is the bundle's, tested there; here a stand-in writes what it would."""
    given = []

    def run(bundle, settings):
        given.append((bundle, settings))
        names = read_split(settings["split_file"])["validate"]
        found = [{"name": n, "patient": n[:2], "dsc": 0.8, "hd_mm": 4.0, "or": 0.1, "ur": 0.2} for n in names]
        found = [case | {"volume_ml": 1.0, "reference_ml": 1.0} for case in found]
        measures = MEASURES if bundle == "crossover_myocardium" else MEASURES[:4]
        of_each = dict.fromkeys(measures[4::2], 0.6) | dict.fromkeys(measures[5::2], 3.0)
        write_results(settings["output_dir"] / "results.json", {}, [case | of_each for case in found], measures)

    monkeypatch.setattr(shipped, "_run", run)
    return given


def test_one_run_per_line_of_the_results(monkeypatch, tmp_path, slice_set, given):
    one = shipped.Measured("crossover_cardiac", "Discs, all", "{data}", list, {"spacing": 0})
    monkeypatch.setattr(shipped, "ALL", (one,))
    shipped.main(str(slice_set), results=str(tmp_path / "shipped.json"))
    results = json.loads((tmp_path / "shipped.json").read_text())
    assert [(bundle, settings["spacing"]) for bundle, settings in given] == [("crossover_cardiac", 0)]
    assert results["measured"][0]["patient_dsc"] == pytest.approx(0.8) and results["measured"][0]["patients"] == 6
    assert "| crossover_cardiac | Discs, all | whole | 6 | 0.800 ± 0.000 (6) | 0.800 |" in table(results)
    assert eval_metrics({"shipped": results})["discs_mean_dice"] == 0.8


def test_a_row_for_each_structure_and_one_bundle_again(monkeypatch, tmp_path, slice_set, given):
    bundles = ("crossover_cardiac", "crossover_myocardium")
    lines = tuple(shipped.Measured(bundle, "Discs, all", "{data}", list, {}) for bundle in bundles)
    monkeypatch.setattr(shipped, "ALL", lines)
    results = tmp_path / "shipped.json"
    shipped.main(str(slice_set), results=str(results))
    shipped.main(str(slice_set), results=str(results), only="crossover_myocardium")
    shipped.main(str(slice_set), results=str(results), only="crossover_cardiac")
    assert [bundle for bundle, _ in given] == [*bundles, *reversed(bundles)]
    found = json.loads(results.read_text())
    assert [line["bundle"] for line in found["measured"]] == list(bundles)
    assert "| Discs, all: myocardium | whole | 6 | 0.600 ± 0.000 (6) | 0.600 | 3.0 |" in table(found)
    own = {"measured": found["measured"][1:]}
    assert eval_metrics({"shipped": own})["discs_mean_myocardium_dice"] == 0.6
    with pytest.raises(InputError, match="only is kidney: give one of crossover_cardiac"):
        shipped.main(str(slice_set), only="kidney")


def test_other_weights_of_one_bundle(monkeypatch, tmp_path, slice_set, given):
    bundles = ("crossover_cardiac", "crossover_myocardium")
    lines = tuple(shipped.Measured(bundle, "Discs, all", "{data}", list, {"spacing": 1}) for bundle in bundles)
    monkeypatch.setattr(shipped, "ALL", lines)
    weights, results = str(tmp_path / "model.pt"), str(tmp_path / "retrained.json")
    epochs = [{"epoch": epoch, "loss": 0.1, "cpu_seconds": 90.0} for epoch in (1, 2)]
    (tmp_path / "training.jsonl").write_text("".join(f"{json.dumps(epoch)}\n" for epoch in epochs))
    shipped.main(str(slice_set), results=results, only="crossover_cardiac", checkpoint=weights)
    [(bundle, settings)] = given
    assert bundle == "crossover_cardiac"
    assert settings["checkpoint"] == Path(weights) and settings["spacing"] == 1
    text = retrained(json.loads(Path(results).read_text()))
    assert "| crossover_cardiac | Discs, all | whole | 6 | 0.800 ± 0.000 (6)" in text
    assert text.endswith("2 epochs took 3 minutes of one core.")
    monkeypatch.chdir(tmp_path)
    for missing in ({"only": "crossover_cardiac", "results": "./results/shipped.json"}, {"results": results}):
        with pytest.raises(InputError, match="not what ships: give only and results as well"):
            shipped.main(str(slice_set), checkpoint=weights, **missing)
    with pytest.raises(InputError, match=r"elsewhere\.pt has no training\.jsonl beside it"):
        shipped.main(str(slice_set), results=results, only=bundle, checkpoint="nowhere/elsewhere.pt")
    assert len(given) == 1, "all is looked at before anything is evaluated"


def test_scans_without_a_spacing_get_pixels_of_one_scale(tmp_path):
    (tmp_path / "scans").mkdir()
    (tmp_path / "copies").mkdir()
    for patient, side in ((1, 20), (2, 500)):
        scan = nib.Nifti1Image(np.arange(side * 8.0).reshape(side, 4, 2).astype(np.float32), np.eye(4))
        for ending in ("", "_gt"):
            nib.save(scan, tmp_path / "scans" / f"patient{patient:03}_frame01{ending}.nii.gz")
    copied = shipped._of_one_scale(find_cases(tmp_path / "scans"), tmp_path / "copies")
    assert [case["patient"] for case in copied] == ["patient001", "patient002"]
    for case, pixel in zip(copied, (1, 0.5), strict=True):
        for kind in ("image", "label"):
            found, before = nib.load(case[kind]), nib.load(case[kind].replace("copies", "scans"))
            np.testing.assert_array_equal(found.affine, np.diag([pixel, pixel, 1, 1]))
            np.testing.assert_array_equal(found.dataobj, before.dataobj)


def test_acdc_is_what_has_lost_its_pixels():
    lost = {measured.data.partition(",")[0] for measured in shipped.ALL if measured.pixels_lost}
    assert lost == {"ACDC"}
