"""What the automatic bundles' shipped weights reach on patients that they were not trained on.

    python benchmarks/organs.py --data ../shared/data --out runs/organs
    python benchmarks/shipped.py --data ../shared/data
    python benchmarks/shipped.py --data ../shared/data --only crossover_cardiac --checkpoint runs/cavity/model.pt \
        --results results/retrained.json

Each line of the results is one run of the bundle's own evaluate.json.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import fire
import nibabel as nib
import numpy as np
from machine import threads, versions

from patchseg.bundles import bundle_root
from patchseg.data import find_cases, split_cases, write_split
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import read_log, whole_file
from patchseg.runtimes import fast_runtime

Cases = list[dict[str, Any]]


class Measured(NamedTuple):
    """One evaluation: weights of `bundle` on those of the cases in `folder` that `chosen` keeps.

    `pixels_lost`: nothing says how large their pixels are, see `_of_one_scale`.
    """

    bundle: str
    data: str
    folder: str
    chosen: Callable[[Cases], Cases]
    settings: dict[str, Any]
    pixels_lost: bool = False


def _first_fold(cases: Cases) -> Cases:
    """What the kidney weights were not trained on."""
    return split_cases(cases, folds=3, fold=0)["validate"]


def _one_in_five(cases: Cases) -> Cases:
    """What the myocardium weights were not trained on."""
    return split_cases(cases, folds=5, fold=0)["validate"]


def _every_fifth_patient(cases: Cases) -> Cases:
    kept = sorted({case["patient"] for case in cases})[::5]
    return [case for case in cases if case["patient"] in kept]


def _of_one_scale(cases: Cases, folder: Path) -> Cases:
    """Copies in which pixels are 1, and half as large where an image has twice as many.

    The scans of this set are of 256 pixels a side, a little more or less, but for one patient's of 512. Without a
    spacing that heart would be twice as large as any other.
    """
    for case in cases:
        for kind in ("image", "label"):
            scan = nib.load(case[kind])
            pixel = 0.5 if max(scan.shape) > FINE else 1.0
            copied = nib.Nifti1Image(np.asarray(scan.dataobj), scan.affine @ np.diag([pixel, pixel, 1, 1]))
            nib.save(copied, folder / Path(case[kind]).name)
    return find_cases(folder)


SHIPPED = "results/shipped.json"
FINE = 400  # pixels of the longer side
PIXELS = {"spacing": 0}  # both sets have lost their spacing
ALL = (
    Measured("crossover_kidney", "KiTS19 slices, other patients", "{data}/kits19_slices", _first_fold, {}),
    Measured(
        "crossover_kidney",
        "KiTS19 slices, other patients",
        "{data}/kits19_slices",
        _first_fold,
        {"protocol": "paper"},
    ),
    Measured(
        "crossover_cardiac",
        "Sunnybrook, other patients",
        "{organs}/sunnybrook_lv",
        list,
        {**PIXELS, "labels": {"cavity": [1]}, "label_values": [0, 1]},
    ),
    Measured(
        "crossover_cardiac", "ACDC, never trained on", "{data}/acdc", _every_fifth_patient, {"spacing": 1}, True
    ),
    Measured("crossover_myocardium", "ACDC, other patients", "{data}/acdc", _one_in_five, {"spacing": 1}, True),
)


def main(
    data: str,
    organs: str = "runs/organs",
    only: str | None = None,
    checkpoint: str | None = None,
    results: str = SHIPPED,
) -> None:
    """Evaluate and write the results file.

    Args:
        data: folder with kits19_slices and acdc.
        organs: folder that `organs.py` wrote.
        only: one bundle; lines of the others stay as they are in the results file.
        checkpoint: other weights of that bundle in place of the shipped ones.
        results: the file to write.
    """
    if only not in (None, *(measured.bundle for measured in ALL)):
        raise InputError(f"only is {only}: give one of {', '.join(dict.fromkeys(m.bundle for m in ALL))}.")
    if checkpoint is not None and (only is None or Path(results).resolve() == Path(SHIPPED).resolve()):
        raise InputError("checkpoint is one bundle's, and not what ships: give only and results as well.")
    weights = None if checkpoint is None else Path(checkpoint).expanduser().resolve()
    own = {} if weights is None else {"checkpoint": weights}
    training = {} if weights is None else {"training": _training(weights)}
    kept = json.loads(Path(results).read_text())["measured"] if only and Path(results).is_file() else []
    found = [line for line in kept if line["bundle"] != only]
    chosen = [m._replace(settings=m.settings | own) for m in ALL if only in (None, m.bundle)]
    found += [_evaluated(measured, data=data, organs=organs) for measured in chosen]
    bundles = [measured.bundle for measured in ALL]
    found.sort(key=lambda line: bundles.index(line["bundle"]))
    content = {
        "about": {"benchmark": "shipped", "threads": threads(), "versions": versions()},
        "measured": found,
        **training,
    }
    with whole_file(results) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    for line in found:
        print(
            f"{line['bundle']:18} {line['data']:30} {line['protocol']:6} DSC {line['summary']['mean']['dsc']:.3f}"
        )
    print(results)


def _training(checkpoint: Path) -> dict[str, Any]:
    """How long the training took that wrote these weights, from its log beside them."""
    log = read_log(checkpoint.with_name("training.jsonl"))
    if not log:
        raise InputError(f"{checkpoint} has no training.jsonl beside it: give a training's own model.pt.")
    return {"epochs": len(log), "cpu_minutes": round(sum(line["cpu_seconds"] for line in log.values()) / 60, 1)}


def _evaluated(measured: Measured, **folders: str) -> dict[str, Any]:
    folder = Path(measured.folder.format(**folders)).expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist: give the folders as --data and --organs.")
    chosen = measured.chosen(find_cases(folder))
    with tempfile.TemporaryDirectory() as temporary:
        if measured.pixels_lost:
            folder = Path(temporary) / "scans"
            folder.mkdir()
            chosen = _of_one_scale(chosen, folder)
        split = Path(temporary) / "split.json"
        write_split({"train": [], "validate": chosen, "folds": 1, "fold": 0, "seed": 0}, split)
        output = Path(temporary) / "evaluation"
        settings = {"dataset_dir": folder, "split_file": split, "output_dir": output, "runtime": fast_runtime()}
        _run(measured.bundle, settings | measured.settings)
        results = json.loads((output / "results.json").read_text())
    return {
        "bundle": measured.bundle,
        "data": measured.data,
        "protocol": measured.settings.get("protocol", "whole"),
        "patients": len(results["patients"]),
        "summary": results["summary"],
        "patient_dsc": round(fmean(patient["dsc"] for patient in results["patients"]), 4),
        "cases": results["cases"],
    }


def _run(bundle: str, settings: dict[str, Any]) -> None:
    config = bundle_root(bundle) / "configs" / "evaluate.json"
    options: Sequence[str] = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "evaluating", "--config_file", str(config), *options]
    done = subprocess.run(command, env={"OMP_WAIT_POLICY": "passive", "PYTHONWARNINGS": "ignore"} | os.environ)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
