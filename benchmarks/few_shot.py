"""One click on a prostate after learning from the other patients' prostates: leave one patient out.

    python benchmarks/few_shot.py --method seqpatch --initial_weights bundles/seqpatch_prostate/models/model.pt
    python benchmarks/few_shot.py --method click_unet --initial_weights runs/click_unet/model.pt

Each patient in turn is held out; the weights go on learning from the slices of all others and some synthetic ones,
through the bundle's train.json. What is learnt here is measured and not shipped: the data are for evaluation only.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import fire
import numpy as np
from machine import threads, versions
from one_click import measure, method_of
from organs import SPACING_MM
from steps import bundle_command, run_command

from patchseg.data import find_cases, select_cases, split_cases
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import read_log, whole_file

TRAIN = "bundles/seqpatch_prostate/configs/train.json"
CONFIGS = {"seqpatch": [TRAIN], "click_unet": [TRAIN, "benchmarks/configs/click_unet.json"]}


def main(
    method: str,
    initial_weights: str,
    dataset_dir: str = "runs/organs/prostate",
    epochs: int = 8,
    learning_rate: float = 0.0003,
    synthetic_share: float = 0.2,
    precision: str = "float32",
    overrides: Mapping[str, Any] | None = None,
    patients: str | Sequence[str] = "",
    output_dir: str = "runs/few_shot",
    results: str = "results/few_shot.json",
) -> None:
    """Fine-tune and measure once per patient, and add the method to the results file.

    Args:
        method: "seqpatch" or "click_unet".
        initial_weights: what both start from, trained on other organs.
        dataset_dir: the prostates that `organs.py` wrote.
        epochs: of 100 slices each, 13 steps.
        learning_rate, synthetic_share, precision: see the bundle's train.json.
        overrides: further ids of train.json with other values, as "{'click_error': 0.3}".
        patients: hold out these alone, separated by commas; empty takes each in turn.
        output_dir: where the runs go, METHOD/PATIENT/.
        results: the file to write.
    """
    if method not in CONFIGS:
        raise InputError(f"method is {method}; give one of {', '.join(CONFIGS)}.")
    cases = find_cases(dataset_dir)
    everyone = sorted({case["patient"] for case in cases})
    learning = {"initial_weights": initial_weights, "learning_rate": learning_rate}
    learning |= {"synthetic_share": synthetic_share, "precision": precision, **(overrides or {})}
    settings = {"dataset_dir": dataset_dir, "folds": len(everyone)}
    settings |= {"max_epochs": epochs, "slices_per_epoch": 100, "val_interval": epochs + 1}
    settings |= {"spacing": SPACING_MM, **learning}  # pixels as acquired
    held_out, seconds = [], []
    for fold in _folds(cases, everyone, patients):
        folder = Path(output_dir).resolve() / method / f"fold{fold}"
        run_command(bundle_command("training", CONFIGS[method], settings | {"fold": fold, "output_dir": folder}))
        seconds.append(sum(epoch["seconds"] for epoch in read_log(folder / "training.jsonl").values()))
        tested = select_cases(cases, folder / "split.json", "validate")
        before, after = (
            measure(tested, *method_of(Path(weights), precision), (0,), f"{method}, fold {fold}")
            for weights in (initial_weights, folder / "model.pt")
        )
        held_out += [
            {"name": case["name"], "patient": case["patient"], "before": b, "after": a}
            for case, b, a in zip(tested, before["cases_dsc"]["0"], after["cases_dsc"]["0"], strict=True)
        ]
    found = {
        "slices": len(held_out),
        "patients": len(seconds),
        "epochs": epochs,
        "seconds_per_patient": round(fmean(seconds), 1),
        "settings": learning,
        "threads": threads(),
        "versions": versions(),
        **{f"dsc_{when}": _summary([case[when] for case in held_out]) for when in ("before", "after")},
        "cases": held_out,
    }
    path = Path(results)
    content = json.loads(path.read_text()) if path.is_file() else {"methods": {}}
    content["about"] = {"benchmark": "few_shot"}
    content["methods"][method] = found
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    print(f"{method}: dsc per slice {found['dsc_before']} before, {found['dsc_after']} after; {path}")


def _folds(cases: list[dict[str, Any]], everyone: Sequence[str], patients: str | Sequence[str]) -> list[int]:
    """The folds that hold out these patients; each fold holds out one."""
    wanted = [name.strip() for name in patients.split(",")] if isinstance(patients, str) else list(patients)
    wanted = [name for name in wanted if name]
    unknown = set(wanted) - set(everyone)
    if unknown:
        raise InputError(f"patients names {sorted(unknown)[0]}: choose from {', '.join(everyone)}.")
    out = [split_cases(cases, folds=len(everyone), fold=fold)["validate"] for fold in range(len(everyone))]
    return [fold for fold, (case, *_) in enumerate(out) if not wanted or case["patient"] in wanted]


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "mean": round(float(np.mean(values)), 4),
        "sd": round(float(np.std(values, ddof=1)), 4),
        "median": round(float(np.median(values)), 4),
    }


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
