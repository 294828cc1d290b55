"""Threads that share the phases of a map: each finishes its own before it takes the next.

torch would share every single product among its threads. Those of one phase are small; cut in two, waiting for one
another costs as much as is gained.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor

from patchseg.denormals import flushed

PHASES = 4  # of a pooling


def each_phase(judge: Callable[[Tensor], Tensor], phases: Iterable[Tensor]) -> list[Tensor]:
    """`judge` of every phase, without gradients, in order; side by side where torch has several threads.

    >>> each_phase(torch.sum, [torch.ones(2), torch.ones(3)])
    [tensor(2.), tensor(3.)]
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return [judge(phase) for phase in phases]
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad
    denormals = flushed()

    def judged(phase: Tensor) -> Tensor:
        torch.set_flush_denormal(denormals)  # this, and the mode, are each thread's own
        with mode():
            return judge(phase)

    return list(_threads(os.getpid(), threads).map(judged, phases))


@cache
def _threads(process: int, threads: int) -> ThreadPoolExecutor:
    """One thread a phase at most, kept for the next image; they divide torch's `threads` among themselves.

    A forked process has none of its parent's threads, and makes its own.
    """
    workers = min(PHASES, threads)
    pool = ThreadPoolExecutor(workers, "phases", _begin, (threads // workers,))
    together = threading.Barrier(workers + 1)
    for _ in range(workers):
        pool.submit(together.wait)  # a thread that waits takes no second one: all have started
    together.wait()
    torch.set_num_threads(threads)  # what other threads start with as well, which the new ones had changed
    return pool


def _begin(threads: int) -> None:
    """Give this thread `threads` of torch's. Asked now, it keeps them; later it would take the common number."""
    torch.set_num_threads(threads)
    torch.get_num_threads()
