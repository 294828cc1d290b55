"""A measurement in a process of its own: its memory is then nobody else's."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")


def in_own_process(function: Callable[..., Result], *args: Any) -> tuple[Result, int]:
    """What `function(*args)` returns in a fresh process, and the most memory that process ever held, in MB.

    The function has to stand at the top of a module, and args and result have to be picklable.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measured, function, args).result()


def peak_rss_mb() -> int:
    """The most memory this process held since its program started, in MB (10^6 bytes).

    From /proc: `resource.getrusage` would count what it held before as well, as its parent's copy.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / 1e6)


def _measured(function: Callable[..., Result], args: tuple) -> tuple[Result, int]:
    result = function(*args)
    return result, peak_rss_mb()
