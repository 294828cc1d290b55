"""The table of what a GPU makes of the networks, from results/gpu.json."""

from typing import Any

SHOWN = {  # how names begin
    "crossover_dense": ("Crossover-Net, logits", "patch pairs"),
    "click": ("One click, sequential patches", "step by step"),
    "crossover_training": ("Crossover-Net, a training step on the lattice", "patch pairs"),
    "crossover_epoch": ("Crossover-Net, a training epoch on CT phantoms", "-"),
    "seqpatch_epoch": ("Sequential patches, a training epoch on synthetic slices", "-"),
    "seqpatch_training": ("Sequential patches, a training step", "-"),
}
PRECISIONS = ("float32", "bfloat16")  # those of the bundles' `precision`; the file holds TF32 too


def gpu(results: dict[str, Any]) -> str:
    """One row per task and precision of the bundles, and the device in a sentence."""
    heading = [
        "benchmark", "what", "precision", "ms", "a second", "baseline", "times faster", "of the limit",
        "largest error", "GPU memory, MB",
    ]  # fmt: skip
    rows = []
    for found in (line for line in results["lines"] if line["precision"] in PRECISIONS):
        what, baseline = next((SHOWN[start] for start in SHOWN if found["name"].startswith(start)), ("-", "-"))
        row = [f"`{found['name']}`", what, found["precision"], _large(found["ms"])]
        ratio = "-" if found["ratio"] is None else _large(found["ratio"])
        row += [f"{_large(found['per_second'])} {found['unit']}", baseline, ratio]
        row += [_number(found["of_limit"], ".2f"), _number(found["max_error"], ".0e")]
        rows.append([*row, _number(found["peak_mb"], ".0f")])
    lines = ["| " + " | ".join(row) + " |" for row in (heading, ["---"] * len(heading), *rows)]
    about = results["about"]
    measured = f"{about['device']}, torch {about['torch']}, CUDA {about['cuda']}."
    limit = "The limit is the rate of a large matrix product in the same run, at the same precision."
    errors = (
        "Errors are those of the logits, of a click's probabilities beside the CPU's, and of gradients beside the "
        "CPU's, as a part of their largest number."
    )
    return "\n".join([*lines, "", measured, limit, errors])


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _large(value: float) -> str:
    """Three digits and thousands apart.

    >>> _large(5234567.0), _large(7.512)
    ('5,230,000', '7.51')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"
