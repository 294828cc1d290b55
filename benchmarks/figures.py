"""The figures that a benchmark of speed prints as its last line."""

from typing import Any

import torch
from limit import runtime_used


def figures(
    name: str,
    ours: float,
    limit: float,
    peak: int,
    runtime: str,
    precision: str = "float32",
    baseline: float | None = None,
    error: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One record for results/speed.json.

    Args:
        name: of the benchmark and its size.
        ours, baseline, limit: seconds; the limit is what `limit.py` says the machine allows.
        peak: the most memory held, in MB.
        runtime, precision: of ours.
        error: the largest difference between both answers; None where they are not the same answer.
        more: what only this benchmark measures.

    >>> record = figures("example", ours=0.5, limit=0.4, peak=800, runtime="torch", baseline=20.0)
    >>> record["ratio"], record["of_limit"]
    (40.0, 0.8)
    """
    return {
        "name": name,
        "ours_s": round(ours, 4),
        "baseline_s": None if baseline is None else round(baseline, 4),
        "ratio": None if baseline is None else round(baseline / ours, 2),
        "max_error": error,
        "limit_s": round(limit, 4),
        "of_limit": round(limit / ours, 3),
        "peak_rss_mb": peak,
        "threads": torch.get_num_threads(),
        "runtime": runtime_used(runtime, precision),
    } | more
