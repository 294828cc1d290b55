"""What the runs of reproduce.py found: one results file per paper, which names no folder of the machine."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from machine import threads, versions
from rows.paper import Order, Paper, Row
from scipy.stats import wilcoxon
from steps import write_json

from patchseg.files import read_log
from patchseg.metrics import plain


def slug(name: str) -> str:
    """The name as a folder's.

    >>> slug("Square 28x28, 3x3 kernels")
    'square_28x28_3x3_kernels'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def gather(paper: Paper, key: str, task: str, folder: Path, about: Mapping[str, Any], path: Path) -> None:
    """Write what the runs in `folder` found for one task into the paper's results file.

    Other tasks in the file stay. So do seeds of this task that were run elsewhere, as long and with the same
    commands.
    """
    content = json.loads(path.read_text()) if path.is_file() else {"tasks": {}}
    before = content["tasks"].get(task, {})
    known = before.get("rows", {}) if {key: before.get(key) for key in about} == dict(about) else {}
    rows = {
        row.name: _row(row, folder / slug(row.name), paper, folder, known.get(row.name, {}).get("seeds", {}))
        for row in paper.rows_of(task)
    }
    ours = rows[paper.ours]
    for name, found in rows.items():
        if name != paper.ours and "patients" in found and "patients" in ours:
            found["against_ours"] = paired(ours, found)
    content["about"] = {"benchmark": f"reproduce_{key}", "paper": paper.title, "ours": paper.ours}
    content["about"] |= {"measures": [*paper.measures]}
    content["tasks"][task] = {
        "data": paper.tasks[task].about,
        **about,
        "threads": threads(),
        "versions": versions(),
        "rows": rows,
        "orders": [found for order in paper.orders for found in _order(order, rows)],
    }
    write_json(path, plain(content))


def _row(row: Row, folder: Path, paper: Paper, above: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """One row: its seeds, what each patient reached on average, and the mean over seeds with its spread.

    `known` are seeds that the results file has already.
    """
    found: dict[str, Any] = {"where": row.where, "published": dict(row.published), "note": row.note}
    if row.not_run:
        return found | {"not_run": row.not_run}
    trained = above / slug(row.weights_of or row.name)
    seeds = {path.parents[1].name: path.parent for path in sorted(folder.glob("seed*/evaluation/evaluation.json"))}
    done = {
        name.removeprefix("seed"): _seed(evaluation, trained / name, paper.measures)
        for name, evaluation in seeds.items()
        if "process_seconds" in json.loads((evaluation / "evaluation.json").read_text())
    }
    done = dict(sorted((_same_but_for_seed(known, done) | done).items()))
    if not done:
        failed = any(folder.glob("seed*/failed.json"))
        return found | {"not_run": "its run failed" if failed else "not run yet"}
    means = {m: [run["mean"][m] for run in done.values() if run["mean"][m] is not None] for m in paper.measures}
    patients: dict[str, list[float]] = {}
    for run in done.values():
        for patient, value in run["patients"].items():
            patients.setdefault(patient, []).append(value)
    return found | {
        "epochs": next(iter(done.values()))["epochs"],
        "minutes": round(fmean(run["minutes"] for run in done.values()), 2),
        "mean": {m: fmean(values) if values else None for m, values in means.items()},
        "sd_of_seeds": {m: stdev(values) if len(values) > 1 else None for m, values in means.items()},
        "patients": {patient: fmean(values) for patient, values in sorted(patients.items())},
        "seeds": done,
    }


def _seed(evaluation: Path, trained: Path, measures: Sequence[str]) -> dict[str, Any]:
    """One training and its evaluation: means over patients, and the first measure of each patient."""
    results = json.loads((evaluation / "results.json").read_text())
    log = read_log(trained / "training.jsonl")
    records = [
        json.loads(file.read_text()) for file in (trained / "training.json", evaluation / "evaluation.json")
    ]
    known = {m: [p[m] for p in results["patients"] if p.get(m) is not None] for m in measures}
    return {
        "epochs": len(log),
        "minutes": sum(line["cpu_seconds"] for line in log.values()) / 60,
        "loss": log[max(log)]["loss"],
        "losses": [round(log[epoch]["loss"], 4) for epoch in sorted(log)],
        "mean": {m: fmean(values) if values else None for m, values in known.items()},
        "cases": len(results["cases"]),
        "patients": {p["patient"]: p[measures[0]] for p in results["patients"]},
        "commands": [record["command"] for record in records],
    }


def _same_but_for_seed(known: Mapping[str, Any], done: Mapping[str, Any]) -> dict[str, Any]:
    """The known seeds whose commands are those of the ones just done; all of them if none was.

    Results do not hold the configs' contents: after a change of those, delete the row's seeds from the file.

    >>> def run(seed, epochs):
    ...     return {"commands": [f"train --seed {seed} --max_epochs {epochs} --output_dir OUTPUT/seed{seed}"]}
    >>> list(_same_but_for_seed({"0": run(0, 5), "2": run(2, 9)}, {"1": run(1, 5)}))
    ['0']
    """

    def commands(run: Mapping[str, Any]) -> list[str]:
        return [re.sub(r"\bseed ?\d+", "seed", command) for command in run["commands"]]

    wanted = [commands(run) for run in done.values()]
    return {seed: run for seed, run in known.items() if not wanted or commands(run) in wanted}


def paired(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """One row against another, patient by patient: slices and seeds of one patient are not independent.

    A patient counts with the mean difference of the seeds that both rows were run with and that held it out.
    """
    differences: dict[str, list[float]] = {}
    for seed in sorted(ours["seeds"].keys() & theirs["seeds"].keys()):
        one, other = ours["seeds"][seed]["patients"], theirs["seeds"][seed]["patients"]
        for patient in sorted(one.keys() & other.keys()):
            differences.setdefault(patient, []).append(one[patient] - other[patient])
    means = [fmean(values) for values in differences.values()]
    return {
        "test": "two-sided Wilcoxon signed-rank over patients",
        "patients": len(means),
        "mean_difference": fmean(means) if means else math.nan,
        "better": sum(value > 0 for value in means),
        "worse": sum(value < 0 for value in means),
        "p": float(wilcoxon(means).pvalue) if any(means) else math.nan,  # the test knows no answer for equals
    }


def _order(order: Order, rows: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Each pair of methods that the paper ranks and that both were run: does it come out the same here?"""
    known = [name for name in order.best_first if "patients" in rows.get(name, {})]
    found = []
    for better, worse in combinations(known, 2):
        test = paired(rows[better], rows[worse])
        pair = {"where": order.where, "better": better, "worse": worse}
        found.append(pair | {"difference": test["mean_difference"], "patients": test["patients"], "p": test["p"]})
    return found
