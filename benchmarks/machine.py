"""What the figures were measured with."""

import os
import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries whose change could change a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("monai", "torch", "numpy")}}


def threads() -> int:
    """Threads that torch will use in a process started from here."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
