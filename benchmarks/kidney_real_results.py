"""What the runs of kidney_real.py found, in one file that names no folder of the machine."""

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import threads, versions
from published import CROSSOVER_TABLE_1
from scipy.stats import wilcoxon

from patchseg.files import read_log, whole_file
from patchseg.metrics import Case, patient_means, plain, summary

PROTOCOLS = {
    "paper": "crossover: every third pixel each way, its neighbours filled in; both: inside the back half of the "
    "abdomen on the tumour's side. An image network judges all pixels at once: one in three means nothing to it.",
    "whole": "every pixel of the whole slice",
}


def gather(output: Path, methods: Sequence[str], about: dict[str, Any], path: Path) -> Path:
    """Write the results of METHOD/foldK/ in `output` to `path` and return it."""
    found = {method: _method(output / method, about["folds"]) for method in methods}
    results = {
        "about": {"benchmark": "kidney_real", **about, "threads": threads(), "versions": versions()},
        "protocols": PROTOCOLS,
        "methods": found,
        "comparison": {p: _comparison(found, p) for p in PROTOCOLS} if len(found) == 2 else {},
        "published": CROSSOVER_TABLE_1,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    return path


def _method(folder: Path, folds: int) -> dict[str, Any]:
    parts = [folder / f"fold{fold}" for fold in range(folds)]
    trainings = [json.loads((part / "training.json").read_text()) for part in parts]
    logs = [read_log(part / "training.jsonl").values() for part in parts]
    evaluations = [json.loads((part / p / "evaluation.json").read_text()) for part in parts for p in PROTOCOLS]
    return {
        "training": {
            "epochs": [len(log) for log in logs],
            "seconds": [sum(line["seconds"] for line in log) for log in logs],  # epochs alone, without loading
            "process_seconds": [record["process_seconds"] for record in trainings],
            "cpu_seconds": [record["cpu_seconds"] for record in trainings],
        },
        "protocols": {protocol: _protocol(parts, protocol) for protocol in PROTOCOLS},
        "commands": [record["command"] for record in trainings + evaluations],
    }


def _protocol(parts: Sequence[Path], protocol: str) -> dict[str, Any]:
    cases = [{**case, "fold": k} for k, part in enumerate(parts) for case in _cases(part / protocol)]
    cases.sort(key=lambda case: case["name"])
    patients = patient_means(cases)
    seconds = [value for part in parts for value in _seconds(part / protocol / "seconds.csv")]
    return {
        "cases": cases,
        "patients": patients,
        "summary": summary(cases),
        "patient_summary": summary(patients),
        "seconds_per_case": sum(seconds) / len(seconds),
    }


def _cases(folder: Path) -> list[Case]:
    """As CaseMeasures had them before it wrote null for NaN."""
    cases = json.loads((folder / "results.json").read_text())["cases"]
    return [{key: math.nan if value is None else value for key, value in case.items()} for case in cases]


def _seconds(profile: Path) -> list[float]:
    """Network, post-processing and the way back to the file's grid of each case, from ignite's profiler."""
    with profile.open(newline="") as file:
        return [float(row["processing_stats"]) for row in csv.DictReader(file)]


def _comparison(found: dict[str, Any], protocol: str) -> dict[str, Any]:
    """Crossover against BasicUNet, patient by patient: the slices of one patient are not independent."""
    ours, theirs = (
        {patient["patient"]: patient["dsc"] for patient in found[method]["protocols"][protocol]["patients"]}
        for method in ("crossover", "basic_unet")
    )
    differences = [ours[patient] - theirs[patient] for patient in sorted(ours)]
    equal = not any(differences)  # the test knows no answer then
    return {
        "test": "two-sided Wilcoxon signed-rank over patients' mean DSC, crossover minus basic_unet",
        "patients": len(differences),
        "mean_difference": sum(differences) / len(differences),
        "crossover_better": sum(difference > 0 for difference in differences),
        "basic_unet_better": sum(difference < 0 for difference in differences),
        "p": math.nan if equal else float(wilcoxon(differences).pvalue),
    }
