"""A loop whose turns are shared among threads, for loops of many small products.

torch would share every single product among its threads. A small one, cut in two, gains no more than the waiting
for one another costs: two threads take longer than one. Here each thread computes whole products. In loops inside
a turn there is nothing more to share: they are loops.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

from patchseg.denormals import flushed


def in_threads(turns: Callable[[range], None], count: int) -> None:
    """Call `turns` with parts of range(count), side by side if there is a turn for each thread.

    In inference mode, which spares each of many small operations what `torch.no_grad` still notes down. What a
    turn makes may be read outside it, not be written to.

    >>> found = torch.zeros(6)
    >>> in_threads(lambda numbers: found[numbers.start : numbers.stop].fill_(1), 6)
    >>> found
    tensor([1., 1., 1., 1., 1., 1.])
    """
    threads = torch.get_num_threads()
    if threads == 1 or count < threads:
        with torch.inference_mode():
            turns(range(count))
        return
    denormals = flushed()

    def part(thread: int) -> None:
        torch.set_flush_denormal(denormals)  # this, and the mode, are each thread's own
        with torch.inference_mode():
            turns(range(count * thread // threads, count * (thread + 1) // threads))

    for _ in _threads(os.getpid(), threads).map(part, range(threads)):
        pass


@cache
def _threads(process: int, threads: int) -> ThreadPoolExecutor:
    """As many threads as torch has, each with one of torch's, kept for the next loop.

    A forked process has none of its parent's threads, and makes its own.
    """
    pool = ThreadPoolExecutor(threads, "turns", _alone)
    together = threading.Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(together.wait)  # a thread that waits takes no second one: all have started
    together.wait()
    torch.set_num_threads(threads)  # what other threads start with as well, which the new ones had changed
    return pool


def _alone() -> None:
    """Give this thread one of torch's. Asked now, it keeps to it; later it would take the common number."""
    torch.set_num_threads(1)
    torch.get_num_threads()
