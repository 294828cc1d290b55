"""Sharing work between processes: what a config needs to run alone and under torchrun."""

import atexit
import os
import sys
from collections.abc import Sequence
from typing import Any

import ignite.distributed as idist
import torch

from patchseg.errors import InputError


def join() -> None:
    """Join the other processes when torchrun started this one; alone, do nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not torch.distributed.is_initialized():
        idist.initialize("nccl" if torch.cuda.is_available() else "gloo")


def leave() -> None:
    """Part from the other processes at the end of a run."""
    if torch.distributed.is_initialized():
        idist.barrier()
        idist.finalize()
        if _is_bundle_command():
            atexit.register(_end)


def _is_bundle_command() -> bool:
    """Whether this is `python -m monai.bundle`, whose end is ours; a script that runs a bundle has its own."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec is not None and spec.name == "monai.bundle.__main__"


def _end() -> None:
    """End the process after everyone else's last words, without the interpreter's own end.

    gloo's threads live on for as long as the network in DistributedDataParallel does. One that lets go of its last
    tensor while the interpreter ends aborts it, rarely, and torchrun calls a training failed that had succeeded.
    """
    atexit.unregister(_end)
    atexit._run_exitfuncs()  # the libraries' own handlers, which nothing would run after os._exit
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if hasattr(sys, "last_value") else 0)  # last_value: an exception that nobody caught


def device() -> torch.device:
    """This process's own GPU, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def is_first() -> bool:
    """Whether this is the process that writes and prints (rank 0)."""
    return int(os.environ.get("RANK", "0")) == 0


def share(cases: Sequence[Any]) -> list[Any]:
    """This process's share of the cases: every n-th of n processes.

    Raises:
        InputError: when there are fewer cases than processes; one without work would leave the others waiting.
    """
    rank, processes = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if len(cases) < processes:
        raise InputError(f"{len(cases)} cases for {processes} processes: start at most {len(cases)}")
    return list(cases[rank::processes])
