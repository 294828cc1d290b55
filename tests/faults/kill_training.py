"""Trainings of seconds that are killed and resumed: every end has to be that of an unbroken one."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from patchseg.files import read_log

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bundles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bundles" / "seqpatch_prostate"))
sys.path.insert(0, str(Path(__file__).parent))
import click_program
import program
import tiny
import tiny_mr
from killing import Aim, end, kill_after, leftovers, measured, same_weights, start, wrong_in_training

EPOCHS = 3
SHORT = {"max_epochs": EPOCHS, "val_interval": EPOCHS}
FAMILIES = {
    "crossover": (tiny.write_tree, program.CONFIGS, program.TRAINING | SHORT),
    "seqpatch": (
        tiny_mr.write_promise12,
        click_program.CONFIGS,
        click_program.TRAINING | SHORT | {"slices_per_epoch": 4},
    ),
}
REPLACED = ("last.pt", "model.pt.sha256", "training.jsonl", "last.pt", "model.pt")


def unbroken(family: str, folder: Path) -> float:
    """Train without a kill into `folder`/unbroken, on new data in `folder`/data; the seconds it computes."""
    FAMILIES[family][0](folder / "data")
    return measured(start(arguments(family, folder, folder / "unbroken"), folder), folder)


def killed(family: str, folder: Path, kills: int, seed: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Kill and resume so many trainings; a record of each, `wrong` being empty where all was well.

    Every second kill comes as a file is about to be put into its place, the others at any time.

    Args:
        family: one of FAMILIES.
        folder: where `unbroken` has trained.
        seed: of the moments.
        seconds: that an unbroken training computes.
    """
    for number in range(kills):
        rng = np.random.default_rng([seed, number])
        output = folder / f"killed_{number}"
        name = REPLACED[number // 2 % len(REPLACED)]
        aim = (name, 1 if name.startswith("model") else int(rng.integers(1, EPOCHS + 1))) if number % 2 else None
        while not _started_and_killed(arguments(family, folder, output), folder, aim, rng.uniform(0, seconds)):
            output = output.with_name(f"{output.name}_again")  # it ended before the kill
        wrong = wrong_in_training(output)
        epoch = len(read_log(output / "training.jsonl"))
        left = len(leftovers(output))
        code = trained(family, folder, output)
        wrong += [f"resuming ended with code {code}"] if code else wrong_in_training(output, complete=True)
        if not code and not same_weights(output / "model.pt", folder / "unbroken" / "model.pt"):
            wrong.append("other weights than those of the unbroken training")
        yield {"kill": number, "at": aim or "any time", "epochs": epoch, "left": left, "wrong": wrong}


def _started_and_killed(arguments: list[str], cwd: Path, aim: Aim, seconds: float) -> bool:
    process = start(arguments, cwd, dies_at=aim)
    return end(process) == -signal.SIGKILL if aim else kill_after(process, seconds)


def trained(family: str, folder: Path, output: Path, **more: object) -> int:
    """Train to the end, from the start or from where a killed training was; the exit code."""
    return end(start(arguments(family, folder, output, **more), folder))


def arguments(family: str, folder: Path, output: Path, config: str = "train", **more: object) -> list[str]:
    """What is typed behind `python -m monai.bundle`."""
    _, configs, settings = FAMILIES[family]
    given = {"dataset_dir": folder / "data", "output_dir": output, **settings, **more}
    return program.run_arguments(config, "training", configs=configs, **given)


def with_workers(family: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Train with one and with two loading processes; `folder` is that of `unbroken`, which has none."""
    for workers in (1, 2):
        output = folder / f"workers_{workers}"
        code = trained(family, folder, output, num_workers=workers)
        same = code == 0 and same_weights(output / "model.pt", folder / "unbroken" / "model.pt")
        yield {"family": family, "workers": workers, "wrong": [] if same else [f"other weights, exit code {code}"]}
