"""Trainings of several processes, one of which is killed: a clear end, soon, and a resume to the same weights."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bundles"))
sys.path.insert(0, str(Path(__file__).parent))
import program
from kill_training import arguments, trained
from killing import end, same_weights, start, wrong_in_training

WORKER_DIED = "error: a loading process died (it "
PROCESS_ENDED = "error: another process of this run has ended or cannot be reached"
BOUND = 60.0  # seconds from a kill to the end of the others, on a busy machine


def workers_killed(family: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Kill a loading process in the first and in the last epoch; `folder` is that of `kill_training.unbroken`.

    A run may end well all the same: where the process had loaded all that it was to load.
    """
    for number, epochs in enumerate((0, 2)):
        output = folder / f"worker_{number}"
        process = start(arguments(family, folder, output, num_workers=2), folder)
        while process.exitcode is None and not (_epochs(output) >= epochs and _loading(process)):
            time.sleep(0.002)
        begun = time.monotonic()
        for worker in _loading(process)[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        code, took = end(process), time.monotonic() - begun
        said = code == 2 and WORKER_DIED in _said(folder)
        wrong = [] if said or code == 0 else [f"ended with code {code}: {_said(folder)[-300:]}"]
        wrong += wrong_in_training(output) + _bounded(took)
        wrong += _resumed(trained(family, folder, output, num_workers=2), folder / "unbroken", output)
        outcome = "a sentence" if said else "its work was done"
        yield {"family": family, "epochs": epochs, "outcome": outcome, "seconds": round(took, 1), "wrong": wrong}


def ranks_killed(family: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Kill each of two processes that were started by hand, and the second one under torchrun."""
    whole = folder / "two_unbroken"
    if [end(process) for process in _pair(family, folder, whole)] != [0, 0]:
        raise RuntimeError(_said(folder))
    for rank in (0, 1):
        output = folder / f"rank_{rank}"
        pair = _pair(family, folder, output)
        while pair[0].exitcode is None and _epochs(output) < 1:
            time.sleep(0.01)
        pair[rank].kill()
        begun = time.monotonic()
        code, took = end(pair[1 - rank]), time.monotonic() - begun
        wrong = [] if code == 2 and PROCESS_ENDED in _said(folder) else [f"ended with code {code}"]
        wrong += wrong_in_training(output) + _bounded(took)
        wrong += _resumed(max(end(process) for process in _pair(family, folder, output)), whole, output)
        yield {"family": family, "killed": f"rank {rank}", "seconds": round(took, 1), "wrong": wrong}
    yield _under_torchrun(family, folder, whole)


def _under_torchrun(family: str, folder: Path, whole: Path) -> dict[str, Any]:
    output = folder / "torchrun"
    process = program.start(
        *arguments(family, folder, output, config="train+multi_gpu_train"), cwd=folder, processes=2
    )
    while process.poll() is None and _epochs(output) < 1:
        time.sleep(0.01)
    listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    os.kill(int(listed.stdout.split()[-1]), signal.SIGKILL)
    begun = time.monotonic()
    ended = program.end(process)
    took = time.monotonic() - begun
    wrong = [] if ended.code and "Signal 9 (SIGKILL) received" in ended.err else [f"ended with code {ended.code}"]
    wrong += wrong_in_training(output) + _bounded(took)
    wrong += _resumed(max(end(process) for process in _pair(family, folder, output)), whole, output)
    return {"family": family, "killed": "rank 1 under torchrun", "seconds": round(took, 1), "wrong": wrong}


def _pair(family: str, folder: Path, output: Path) -> list[BaseProcess]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    given = arguments(family, folder, output, config="train+multi_gpu_train")
    return [start(given, folder, RANK=str(rank), LOCAL_RANK=str(rank), **place) for rank in (0, 1)]


def _loading(process: BaseProcess) -> list[int]:
    """The loading processes of a training that runs: they are forked from a server of its own."""
    return [worker for server in _children(process.pid) for worker in _children(server)]


def _children(pid: int) -> list[int]:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _epochs(output: Path) -> int:
    log = output / "training.jsonl"
    return len(log.read_text().splitlines()) if log.is_file() else 0


def _said(folder: Path) -> str:
    return (folder / "said").read_text()


def _bounded(seconds: float) -> list[str]:
    return [] if seconds < BOUND else [f"it took {seconds:.0f} s to end"]


def _resumed(code: int, unbroken: Path, output: Path) -> list[str]:
    if code:
        return [f"resuming ended with code {code}"]
    same = same_weights(output / "model.pt", unbroken / "model.pt")
    return wrong_in_training(output, complete=True) + ([] if same else ["other weights than without a kill"])
