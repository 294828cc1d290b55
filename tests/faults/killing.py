"""Programs that are killed at chosen moments, and what has to be whole afterwards.

The programs are `python -m monai.bundle ...` and `patchseg ...`. They are forked from a server that has imported
what they need, so that a kill costs the seconds of the work and not those of the start.
"""

import contextlib
import math
import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from patchseg.checksums import read_checked
from patchseg.data.splits import read_split
from patchseg.files import read_log

IMPORTED = ["monai.bundle", "monai.engines", "monai.handlers", "mlflow", "matplotlib.pyplot", "torch._dynamo"]
IMPORTED += ["patchseg.crossover", "patchseg.seqpatch", "patchseg.data", "patchseg.handlers", "patchseg.cli"]
IMPORTED += [
    "patchseg.geometry",
    "patchseg.masks",
    "patchseg.precision",
    "patchseg.runtimes",
    "patchseg.distributed",
]
Aim = tuple[str, int] | None
LIMIT = 600  # seconds; longer counts as a hang
servers = multiprocessing.get_context("forkserver")


def start(
    arguments: Sequence[object], cwd: Path, module: str = "monai.bundle", dies_at: Aim = None, **environment: str
) -> BaseProcess:
    """Start `python -m MODULE ARGUMENTS` in `cwd`; what it says goes to the file `said` there.

    Args:
        dies_at: a file's name and a count: the program is killed as it is about to put the n-th version of that
            file, which it has written under another name, into its place.
        environment: added to that of the server.
    """
    servers.set_forkserver_preload(
        IMPORTED
    )  # not at import: the tests have one server for all, see tests/forked.py
    given = (module, [str(a) for a in arguments], cwd, dies_at, environment)
    process = servers.Process(target=_run, args=given)
    process.start()
    return process


def _run(module: str, arguments: list[str], cwd: Path, dies_at: Aim, environment: dict[str, str]) -> None:
    os.chdir(cwd)
    os.environ.update(environment)
    torch.set_num_threads(1)
    with (cwd / "said").open("a") as said, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(said.fileno(), stream.fileno())
    if dies_at is not None:
        sys.addaudithook(_death(*dies_at))
    sys.argv = [f"python -m {module}", *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except Exception:
        sys.excepthook(*sys.exc_info())  # multiprocessing would print a traceback of its own
        sys.exit(1)


def _death(name: str, count: int) -> Callable[[str, tuple[Any, ...]], None]:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event == "os.rename" and Path(os.fsdecode(arguments[1])).name == name:
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def end(process: BaseProcess) -> int:
    """The exit code of a program that ends by itself, or by the death it was given."""
    process.join(LIMIT)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"a program ran longer than {LIMIT} s")
    return process.exitcode


def kill_after(process: BaseProcess, seconds: float) -> bool:
    """Kill -9 when a program has computed so many seconds; False when it has ended before.

    Its processor's time counts, not the clock's, which goes faster than a busy machine.
    """
    while process.exitcode is None and computed(process.pid) < seconds:
        time.sleep(0.005)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def measured(process: BaseProcess, folder: Path) -> float:
    """The seconds that a program computes until its end; `folder` is where it was started.

    Raises:
        RuntimeError: it fails, with what it said.
    """
    seconds = 0.0
    while process.exitcode is None:
        now = computed(process.pid)
        seconds = seconds if math.isinf(now) else now
        process.join(0.02)
    if process.exitcode != 0:
        raise RuntimeError((folder / "said").read_text())
    return seconds


def computed(pid: int) -> float:
    """Seconds of processor time that a process of this machine has used; Linux's /proc tells."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return math.inf


def wrong_in_training(folder: Path, complete: bool = False) -> list[str]:
    """What of a training's folder cannot be read, or does not agree; after a kill, or after the end.

    A checkpoint holds the network of its epoch. The log knows that epoch, and at most the one after it. Weights
    are those of the checkpoint, and load with their SHA-256.
    """
    wrong: list[str] = []
    with _noted("last.pt", wrong):
        checkpoint = _read_checkpoint(folder / "last.pt")
        epoch = checkpoint["epoch"] if checkpoint else 0
        log = list(read_log(folder / "training.jsonl"))
        if log not in ([*range(1, epoch + 1)], [*range(1, epoch + (1 if complete else 2))]):
            wrong.append(f"training.jsonl has the epochs {log}, last.pt is of {epoch}")
        if (folder / "model.pt").exists():
            _check_weights(folder / "model.pt", checkpoint)
    for name, read in (("split.json", read_split), *((str(p), _picture) for p in folder.glob("pictures/*.png"))):
        with _noted(name, wrong):
            if (folder / name).exists():
                read(folder / name)
    if complete:
        wanted = ("last.pt", "model.pt", "model.pt.sha256", "split.json", "training.jsonl")
        wrong += [f"{name} is missing" for name in wanted if not (folder / name).is_file()]
        wrong += [f"{path.name} was left" for path in leftovers(folder)]
    return wrong


def leftovers(folder: Path) -> list[Path]:
    """Temporary files that a killed program left."""
    return sorted(path for path in folder.rglob(".*") if path.is_file())


def same_weights(one: Path, other: Path) -> bool:
    """Whether two files of weights hold the same numbers, bit for bit."""
    return _equal(*(torch.load(path, weights_only=True) for path in (one, other)))


def _equal(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@contextlib.contextmanager
def _noted(name: str, wrong: list[str]):
    try:
        yield
    except Exception as error:
        wrong.append(f"{name}: {type(error).__name__}: {error}".splitlines()[0][:300])


def _read_checkpoint(path: Path) -> dict[str, Any] | None:
    return torch.load(path, weights_only=True) if path.exists() else None


def _check_weights(path: Path, checkpoint: dict[str, Any]) -> None:
    """The weights belong to their SHA-256, where there is one, and are the checkpoint's."""
    weights = torch.load(BytesIO(read_checked(path)), weights_only=True)
    if not _equal(weights, checkpoint["network"]):
        raise ValueError(f"{path.name} differs from last.pt")


def _picture(path: Path) -> None:
    with Image.open(path) as picture:
        picture.load()
