"""What `gpu.py` measures with: the GPU's own clock, the rate of a large matrix product, the figures of a call."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from patchseg.precision import at_precision


class Setting(NamedTuple):
    """Where and how to measure: `rate` is in operations per second, `seconds` how long each is repeated."""

    device: torch.device
    precision: str
    rate: float
    seconds: float

    def network(self, network: nn.Module) -> nn.Module:
        return at_precision(network, "bfloat16" if self.precision == "bfloat16" else "float32")


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Whether float32 products may be rounded to TF32's 10 bits, within the block."""
    places = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [place.allow_tf32 for place in places]
    for place in places:
        place.allow_tf32 = allowed
    try:
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.allow_tf32 = value


def milliseconds(function: Callable[[], Any], device: torch.device, seconds: float, most: int = 20) -> float:
    """Median of a call after one to warm up, over as many as fit into `seconds` (one to `most`)."""
    function()
    taken: list[float] = []
    while not taken or (sum(taken) + taken[-1] < 1000 * seconds and len(taken) < most):
        taken.append(_once(function, device))
    return statistics.median(taken)


def _once(function: Callable[[], Any], device: torch.device) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        function()
        return 1000 * (time.perf_counter() - start)
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    function()
    last.record()
    torch.cuda.synchronize()
    return first.elapsed_time(last)


def matrix_rate(device: torch.device, precision: str, side: int = 8192) -> float:
    """Operations per second of a product of two square matrices, as `limit.matrix_rate` on CPUs."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    one, other = torch.rand(2, side, side, device=device).to(dtype)
    return 2 * side**3 / milliseconds(lambda: one @ other, device, 0.5) * 1000


def line(
    name: str, setting: Setting, function: Callable[[], Any], needed: float, amount: int, unit: str
) -> dict[str, Any]:
    """The figures of one call that needs so many operations, without baseline and error."""
    cuda = setting.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    ms, limit = milliseconds(function, setting.device, setting.seconds), 1000 * needed / setting.rate
    return {
        "name": name,
        "precision": setting.precision,
        "ms": rounded(ms),
        "limit_ms": rounded(limit),
        "of_limit": round(limit / ms, 3),
        "baseline_ms": None,
        "ratio": None,
        "max_error": None,
        "peak_mb": round(torch.cuda.max_memory_allocated() / 1e6) if cuda else None,
        "per_second": rounded(1000 * amount / ms),
        "unit": unit,
    }


def beside(found: dict[str, Any], baseline: float, error: float, **more: Any) -> dict[str, Any]:
    """The line with its baseline in milliseconds and its largest error."""
    ratio = rounded(baseline / found["ms"])
    return found | {"baseline_ms": rounded(baseline), "ratio": ratio, "max_error": rounded(error)} | more


def rounded(number: float) -> float:
    return float(f"{number:.4g}")
