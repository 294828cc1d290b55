"""Sharing work between processes: what a config needs to run alone and under torchrun."""

import os
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
