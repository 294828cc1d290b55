"""What the figures were measured with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries whose change could change a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("monai", "torch", "numpy")}}


def threads() -> int:
    """Threads that torch will use in a process started from here."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def processor() -> str:
    """The processor's name and the widest vector and matrix instructions that networks gain from."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    known = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    flags = known.get("flags", "").split()
    wanted = {"avx512f": "AVX512", "avx512_bf16": "AVX512-BF16", "amx_tile": "AMX"}
    named = [name for flag, name in wanted.items() if flag in flags]
    return known.get("model name", platform.machine()) + (f" ({', '.join(named)})" if named else "")
