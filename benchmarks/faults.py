"""Programs that are killed: what was tried, how often, and whether anything was lost.

    python benchmarks/faults.py [--kills 20] [--seed 0] [--only kill_masks] [--out results/robustness.json]

Trainings of seconds are killed (kill -9) at random moments and resumed; so are programs that write masks, loading
processes, and one process of two. Weights have to be those of a training that nobody killed, bit for bit. What is
there after a kill has to load and to agree. tests/faults holds the checks themselves.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fire

from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "faults"))
Records = Iterator[dict[str, Any]]


def main(kills: int = 20, seed: int = 0, only: str | None = None, out: str | None = None) -> None:
    """Kill, resume, compare; write the counts into the JSON file after each check.

    Args:
        kills: of each training; a quarter of them of each program that writes masks.
        seed: of the moments; printed, and written with the counts.
        only: the name of one check; all by default.
        out: the JSON file; results/robustness.json by default.
    """
    if only is not None and only not in CHECKS:
        raise InputError(f"there is no check {only}: choose one of {', '.join(CHECKS)}.")
    print(f"seed {seed}", flush=True)
    path = Path(out) if out else ROOT / "results" / "robustness.json"
    failed = 0
    for name in [only] if only else CHECKS:
        with tempfile.TemporaryDirectory() as folder:
            records = []
            for record in CHECKS[name](Path(folder), kills, seed):
                records.append(record)
                print(f"{name}: {json.dumps(record)}", flush=True)
        failures = [record for record in records if record["wrong"]]
        failed += len(failures)
        note(path, name, {"tried": len(records), "failed": len(failures), "seed": seed, "failures": failures})
    sys.exit(1 if failed else 0)


def note(path: Path, name: str, entry: dict[str, Any]) -> None:
    """Put what a check found under "faults" into the results file; what else was tried stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.loads(path.read_text()) if path.is_file() else {}
    content["faults"] = content.get("faults", {}) | {name: entry}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def _kill_training(family: str) -> Callable[[Path, int, int], Records]:
    def check(folder: Path, kills: int, seed: int) -> Records:
        import kill_training

        seconds = kill_training.unbroken(family, folder)
        yield from kill_training.killed(family, folder, kills, seed, seconds)

    return check


def _kill_masks(folder: Path, kills: int, seed: int) -> Records:
    import kill_masks

    yield from kill_masks.killed(folder, max(kills // 4, 1), seed)


def _kill_workers(folder: Path, kills: int, seed: int) -> Records:
    import kill_processes
    import kill_training

    for family in kill_training.FAMILIES:
        (folder / family).mkdir()
        kill_training.unbroken(family, folder / family)
        yield from kill_processes.workers_killed(family, folder / family)


def _kill_ranks(folder: Path, kills: int, seed: int) -> Records:
    import kill_processes
    import kill_training

    kill_training.FAMILIES["crossover"][0](folder / "data")
    yield from kill_processes.ranks_killed("crossover", folder)


def _same_seed(folder: Path, kills: int, seed: int) -> Records:
    import kill_training

    for family in kill_training.FAMILIES:
        (folder / family).mkdir()
        kill_training.unbroken(family, folder / family)
        yield from kill_training.with_workers(family, folder / family)


CHECKS: dict[str, Callable[[Path, int, int], Records]] = {
    "kill_training_crossover": _kill_training("crossover"),
    "kill_training_seqpatch": _kill_training("seqpatch"),
    "kill_masks": _kill_masks,
    "kill_worker": _kill_workers,
    "kill_rank": _kill_ranks,
    "workers_0_1_2": _same_seed,
}


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
