"""Work that is killed before each file it touches."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

TOUCHED = ("open", "os.rename", "os.remove")  # what Python calls these steps, as audit events


def killed_at_each_step(work: Callable[[Path], Any], folder: Path) -> Iterator[Path]:
    """Run work(folder/killed_n) in processes that die before the 1st, 2nd, ... file they touch there.

    Yields the folders, as each death left them, until the work lives to its end.
    """
    for number in range(1, 100):
        place = folder / f"killed_{number}"
        place.mkdir()
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            sys.addaudithook(_death(number, str(place)))
            try:
                work(place)
            except BaseException:
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, "the work failed by itself"
        yield place


def _death(number: int, folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in TOUCHED and str(arguments[0]).startswith(folder):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook
