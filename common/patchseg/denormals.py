"""Denormal floats: flushed to zero where networks compute, kept where geometry is computed."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def flushed() -> bool:
    """Whether this thread flushes denormal floats to zero, as `torch.set_flush_denormal(True)` makes it."""
    # made of bits: while denormals are flushed, Python reads a written 1e-310 as 0, and keeps that as bytecode
    return float(np.int64(10).view(np.float64) * np.float64(0.5)) == 0.0


@contextmanager
def denormals_kept() -> Iterator[None]:
    """Compute with denormal floats, whatever the bundle has set for its networks.

    Networks run up to nine times faster with denormals flushed, so the bundles' `initialize` does that. scipy's
    KDTree, by which surface distances are found, splits at the next float above a coordinate: above 0 that is a
    denormal. Flushed, it is 0 again, the split has no end, and the process dies.
    """
    before = flushed()
    torch.set_flush_denormal(False)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@contextmanager
def denormals_flushed() -> Iterator[None]:
    """Compute without denormal floats, whatever was set before: networks are up to nine times faster."""
    before = flushed()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
