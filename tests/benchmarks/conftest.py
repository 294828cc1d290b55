"""The benchmarks are scripts that import each other; here they are imported as they see one another."""

import csv
import json
import math
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from patchseg.handlers.case_measures import write_results

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "benchmarks"))


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


def case(name, patient, dsc, hd_mm=4.0):
    return {"name": name, "patient": patient, "dsc": dsc, "hd_mm": hd_mm, "or": 0.1, "ur": 0.2,
            "volume_ml": 10.0 if dsc else 0.0, "reference_ml": 12.0}  # fmt: skip


def write_log(path, seconds):
    lines = (json.dumps({"epoch": n, "loss": 1.0, "seconds": s}) for n, s in enumerate(seconds, start=1))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def slice_set(tmp_path_factory):
    """Six patients with one bright disc each, in an index.csv slice set; three slices have odd sides."""
    folder = tmp_path_factory.mktemp("data") / "discs"
    rng = np.random.default_rng(0)
    rows = [["file", "patient", "spacing_z_mm", "spacing_row_mm", "spacing_col_mm"]]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for number in range(6):
        name, (height, width) = f"p{number}_z001.png", ((64, 64), (61, 53))[number % 2]
        y, x = np.mgrid[:height, :width]
        disc = (y - rng.integers(20, 40)) ** 2 + (x - rng.integers(20, 33)) ** 2 < 81
        image = np.clip(90 + rng.normal(0, 10, disc.shape) + 100 * disc, 0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / "images" / name)
        Image.fromarray((2 * disc).astype(np.uint8)).save(folder / "labels" / name)
        rows.append([name, f"p{number}", 3.0, 1.5, 1.5])
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture
def phantom_run(tmp_path):
    """What `make demo` leaves: a run with its evaluation, and the two phantoms that were evaluated."""
    run, data = tmp_path / "run", tmp_path / "held_out"
    for number in range(2):
        folder = data / f"case_{number:05d}"
        folder.mkdir(parents=True)
        label = np.zeros((6, 6, 4), np.uint8)
        label[2:4, 2:4] = 2
        for array, name in ((np.where(label, 50, -50).astype(np.int16), "imaging"), (label, "segmentation")):
            nib.save(nib.Nifti1Image(array, np.eye(4)), folder / f"{name}.nii.gz")
    cases = [case("case_00000", "case_00000", 0.9), case("case_00001", "case_00001", 0.0, math.nan)]
    about = {
        "bundle": "crossover_kidney",
        "protocol": "whole",
        "dataset": str(data),
        "checkpoint": f"{run}/model.pt",
    }
    write_results(run / "evaluation" / "results.json", about, cases)
    write_log(run / "training.jsonl", [60.0, 30.0])
    (run / "timings.json").write_text('{"training": 100.0, "evaluation": 8.0}')
    return run, data


@pytest.fixture
def phantom_results(phantom_run, tmp_path):
    from kidney_phantom import main

    run, data = phantom_run
    path = tmp_path / "results" / "kidney_phantom.json"
    main(str(run), str(data), str(path))
    return path


@pytest.fixture
def real_results(tmp_path):
    """Results gathered from the records of two methods with known measures: two folds, three patients."""
    from kidney_real_results import PROTOCOLS, gather

    output = tmp_path / "runs"
    parts = {0: [("a_z1", "a"), ("a_z2", "a"), ("b_z1", "b")], 1: [("c_z1", "c")]}
    for method, gain in (("crossover", 0.1), ("basic_unet", 0.0)):
        for fold, names in parts.items():
            folder = output / method / f"fold{fold}"
            for protocol in PROTOCOLS:
                cases = [case(name, patient, 0.5 + gain * (patient != "c")) for name, patient in names]
                if method == "basic_unet" and fold == 1:
                    cases = [case("c_z1", "c", 0.0, math.nan)]
                write_results(folder / protocol / "results.json", {}, cases)
                (folder / protocol / "evaluation.json").write_text(
                    json.dumps({"command": f"evaluate {method} {fold} {protocol}"})
                )
                times = "".join(f"{float(n)},0.25\n" for n in range(len(cases)))
                (folder / protocol / "seconds.csv").write_text("iteration,processing_stats\n" + times)
            record = {"command": f"train {method} {fold}", "process_seconds": 20.0, "cpu_seconds": None}
            (folder / "training.json").write_text(json.dumps(record))
            write_log(folder / "training.jsonl", [6.0] * 10)
    about = {"dataset": "discs", "cases": 4, "patients": 3, "folds": 2}
    return gather(output, ["crossover", "basic_unet"], about, tmp_path / "results" / "kidney_real.json")
