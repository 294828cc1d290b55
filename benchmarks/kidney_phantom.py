"""Gather what `make demo` measured on held-out phantoms into one results file, and print it.

python benchmarks/kidney_phantom.py --run demo/run --data demo/held_out --out results/kidney_phantom.json
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fire
import nibabel as nib
import numpy as np
from machine import threads, versions

from patchseg.data import find_cases
from patchseg.data.phantom_ct import best_threshold_dsc
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import read_log, whole_file
from patchseg.metrics import Case, patient_means, plain, summary, table


def main(run: str, data: str, out: str = "results/kidney_phantom.json") -> None:
    """Write the results file and print the table of cases, their mean and the seconds.

    Args:
        run: folder of the demo's run: training.jsonl, timings.json and evaluation/results.json.
        data: the phantoms that were evaluated.
        out: the file to write.
    """
    folder, path = Path(run), Path(out)
    evaluation = _read(folder / "evaluation" / "results.json")
    cases = [_with_nan(case) for case in evaluation["cases"]]
    epochs = read_log(folder / "training.jsonl").values()
    if not epochs:
        raise InputError(f"{folder} holds no training.jsonl: train first.")
    about = evaluation["about"] | {
        "benchmark": "kidney_phantom",
        "dataset": "built-in CT phantom, other patients than in training",
        "checkpoint": Path(evaluation["about"]["checkpoint"]).name,  # no folder of this machine
        "threads": threads(),
        "versions": versions(),
    }
    results = {
        "about": about,
        "cases": cases,
        "patients": patient_means(cases),
        "summary": summary(cases),
        "threshold_dsc": best_threshold_dsc(_scans(Path(data), {case["name"] for case in cases})),
        "training": {"epochs": len(epochs), "seconds": sum(line["seconds"] for line in epochs)},
        "seconds": _read(folder / "timings.json"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")
    print(table(cases))
    print(f"best threshold, mean dsc {results['threshold_dsc']:.3f}")
    print("seconds: " + ", ".join(f"{stage} {value:.0f}" for stage, value in results["seconds"].items()))
    print(path)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"there is no {path}: run `make demo` first.")
    return json.loads(path.read_text())


def _with_nan(case: Case) -> Case:
    """As CaseMeasures had it before it wrote null for NaN."""
    return {key: math.nan if value is None else value for key, value in case.items()}


def _scans(data: Path, names: set[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    known = {case["name"]: case for case in find_cases(data)}
    if not names <= known.keys():
        raise InputError(f"{data} has no {min(names - known.keys())}: give the phantoms that were evaluated.")
    for name in sorted(names):
        yield tuple(np.asarray(nib.load(known[name][key]).dataobj) for key in ("image", "label"))


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
