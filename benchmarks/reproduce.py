"""Every row of a paper's tables: one training and one evaluation per row and seed, all alike but for the method.

    python benchmarks/reproduce.py --paper crossover --data ../shared/data --minutes 1
    python benchmarks/reproduce.py --paper crossover --data ../shared/data --rows "U-Net,Crossover-Net" --show

All rows of a task have the same patients, split, budget, augmentation and measures. The budget counts the minutes
that a training computes (of the processor, so a busy machine does not shorten it); a short training of each row
finds how many epochs that is. The epochs stand in the results, and `--epochs_of` takes them from there, so that
another run gives the same numbers. Seed s is the seed of the training and of the split of the patients.

What is done is not repeated, and a training that was killed goes on after its last epoch. Results are written
after each row. Seeds are the outer loop, so that a run cut short still compares the rows.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import fire
from forked_run import run_forked
from reproduce_results import gather, slug
from rows.paper import Paper, Row, Task
from steps import REPOSITORY, bundle_command, step, write_json

from patchseg.errors import InputError, show_as_sentence
from patchseg.files import read_log

PAPERS = ("crossover", "sequential")  # modules of rows/
CALIBRATION_EPOCHS = 2  # the first is slower: memory is touched, kernels are chosen


def main(
    data: str,
    paper: str = "crossover",
    task: str = "",
    rows: str | Sequence[str] = "",
    minutes: float = 10.0,
    seeds: int | Sequence[int] = (0, 1, 2),
    folds: int = 3,
    overrides: Mapping[str, Any] | None = None,
    epochs_of: str = "",
    output_dir: str = "runs/reproduce",
    results: str = "",
    show: bool = False,
) -> None:
    """Train, evaluate and gather rows, and write the results file.

    Args:
        data: folder that holds the data sets.
        paper: "crossover" or "sequential".
        task: data and configs, see the paper's rows; empty takes the first.
        rows: names of rows, separated by a comma, in the order in which to run them; empty takes all.
        minutes: that each training may compute.
        seeds: one training and evaluation each.
        folds: one in so many patients is held out, others for each seed.
        overrides: ids of the configs with other values, for every row.
        epochs_of: a results file whose epochs are taken instead of measuring how many fit into the minutes.
        output_dir: where the runs go, PAPER/TASK/ROW/seedS/; it may hold patient images, results do not.
        results: the file to write; empty takes results/reproduce_PAPER.json. Rows and seeds that it has already
            stay in it, if they were run with the same commands.
        show: only say what there is to run.
    """
    if paper not in PAPERS:
        raise InputError(f"paper is {paper!r}: give one of {', '.join(PAPERS)}.")
    chosen_paper: Paper = import_module(f"rows.{paper}").PAPER
    task = task or next(iter(chosen_paper.tasks))
    if task not in chosen_paper.tasks:
        raise InputError(f"task is {task!r}: give one of {', '.join(chosen_paper.tasks)}.")
    chosen = _rows(chosen_paper.rows_of(task), rows)
    seeds = (seeds,) if isinstance(seeds, int) else tuple(seeds)
    _check(minutes, seeds, overrides)
    if show:
        for row in chosen:
            print(f"{row.name:40} {row.where:12} {row.not_run or row.note}")
        return
    place = Place(chosen_paper.tasks[task], data, Path(output_dir) / paper / task, folds, dict(overrides or {}))
    target = Path(results or REPOSITORY / "results" / f"reproduce_{paper}.json")
    known = _known_epochs(epochs_of, task)
    about = {"minutes": minutes, "folds": folds, "overrides": dict(overrides or {})}
    failed: list[str] = []
    for seed in seeds:
        for row in chosen:
            if not row.not_run:
                print(f"== {row.name}, seed {seed}", flush=True)
                done = place.run(row, chosen_paper, seed, minutes, known.get(row.weights_of or row.name))
                failed += [] if done else [f"{row.name}, seed {seed}"]
                gather(chosen_paper, paper, task, place.folder, about, target)
    gather(chosen_paper, paper, task, place.folder, about, target)
    print(target)
    if failed:
        print(f"error: failed: {'; '.join(failed)}", file=sys.stderr)
        sys.exit(1)


class Place:
    """Where the rows of one task run.

    Args:
        task: data and configs.
        data: folder that holds the data sets.
        folder: of the runs.
        folds, overrides: see `main`.
    """

    def __init__(self, task: Task, data: str, folder: Path, folds: int, overrides: dict[str, Any]) -> None:
        self.task, self.folds, self.overrides = task, folds, overrides
        self.folder = folder.expanduser().resolve()
        self.dataset = (Path(data).expanduser() / task.folder).resolve()
        if not self.dataset.is_dir():
            raise InputError(f"{self.dataset} does not exist: give the folder that holds {task.folder} as data.")
        self.names = {str(self.dataset): "DATASET", str(self.folder): "OUTPUT"}

    def run(self, row: Row, paper: Paper, seed: int, minutes: float, epochs: int | None) -> bool:
        """Train, if need be, and evaluate one row with one seed; False when one of them failed."""
        folder = self.folder / slug(row.name) / f"seed{seed}"
        of = paper.row(row.weights_of) if row.weights_of else row
        trained = self.folder / slug(of.name) / f"seed{seed}"
        evaluation = folder / "evaluation"
        command = self._evaluating(row, evaluation, trained)
        failed = folder / "failed.json"
        try:
            self._train(trained, of, seed, minutes, epochs)
            step(evaluation / "evaluation.json", command, self.names, run_forked)
        except SystemExit as stopped:  # the others are worth having all the same
            write_json(failed, {"exit_code": stopped.code})
            return False
        failed.unlink(missing_ok=True)
        return True

    def _train(self, folder: Path, row: Row, seed: int, minutes: float, epochs: int | None) -> None:
        epochs = epochs or self._epochs(folder.parent, row, minutes)
        step(folder / "training.json", self._training(folder, row, seed, epochs), self.names, run_forked)

    def _epochs(self, folder: Path, row: Row, minutes: float) -> int:
        """How many epochs fit into the minutes, measured once for all seeds."""
        record = folder / "epochs.json"
        if record.is_file():
            known = json.loads(record.read_text())
            if known["minutes"] == minutes:
                return int(known["epochs"])
            raise InputError(
                f"{folder} was trained for {known['minutes']} minutes: delete it or choose another output_dir."
            )
        short = folder / "calibration"
        step(short / "training.json", self._training(short, row, 0, CALIBRATION_EPOCHS), self.names, run_forked)
        seconds = read_log(short / "training.jsonl")[CALIBRATION_EPOCHS]["cpu_seconds"]
        epochs = max(1, round(60 * minutes / seconds))
        write_json(record, {"minutes": minutes, "epochs": epochs, "cpu_seconds_per_epoch": round(seconds, 3)})
        return epochs

    def _training(self, folder: Path, row: Row, seed: int, epochs: int) -> list[str]:
        settings = {
            **self.task.settings,
            **self.task.train_only,
            **row.settings,
            **row.train_only,
            **self.overrides,
        }
        settings |= {"dataset_dir": self.dataset, "output_dir": folder, "folds": self.folds, "seed": seed}
        # the last epoch is what counts: a validation on the held-out cases would only take time
        settings |= {"max_epochs": epochs, "val_interval": epochs + 1}
        return bundle_command("training", [*self.task.train, *row.train], settings)

    def _evaluating(self, row: Row, folder: Path, trained: Path) -> list[str]:
        configs = [*self.task.evaluate, *row.evaluate]
        settings = self._evaluated(row, configs) | {"output_dir": folder}
        settings |= {"checkpoint": trained / "model.pt", "split_file": trained / "split.json"}
        return bundle_command("evaluating", configs, settings)

    def _evaluated(self, row: Row, configs: Sequence[str]) -> dict[str, Any]:
        """Settings of the evaluation: those of the training that it knows, and its own."""
        known: set[str] = set()
        for path in configs:
            known |= set(json.loads((REPOSITORY / path).read_text()))
        both = {**self.task.settings, **row.settings, **self.overrides, "dataset_dir": self.dataset}
        both = {key: value for key, value in both.items() if key.partition("#")[0] in known}
        return {**both, **self.task.evaluate_only, **row.evaluate_only}


def _rows(of_task: Sequence[Row], rows: str | Sequence[str]) -> list[Row]:
    names = [name.strip() for name in rows.split(",")] if isinstance(rows, str) else [str(name) for name in rows]
    names = [name for name in names if name] or [row.name for row in of_task]
    known = {row.name: row for row in of_task}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"rows names {unknown[0]!r}: choose from {', '.join(known)}.")
    return [known[name] for name in names]


def _check(minutes: float, seeds: Sequence[int], overrides: Mapping[str, Any] | None) -> None:
    if not isinstance(minutes, int | float) or minutes <= 0:
        raise InputError(f"minutes is {minutes!r}: give a number above 0.")
    if not seeds or any(not isinstance(seed, int) or seed < 0 for seed in seeds):
        raise InputError(f"seeds is {seeds!r}: give whole numbers from 0, as 0,1,2.")
    if not isinstance(overrides, Mapping | None):
        raise InputError(f"overrides is {overrides!r}: give ids with their values, as \"{{'spacing': 2.0}}\".")


def _known_epochs(path: str, task: str) -> dict[str, int]:
    if not path:
        return {}
    if not Path(path).is_file():
        raise InputError(f"epochs_of is {path}: there is no such results file.")
    found = json.loads(Path(path).read_text())["tasks"].get(task, {"rows": {}})["rows"]
    return {name: row["epochs"] for name, row in found.items() if row.get("epochs")}


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
