"""The tables of speed, from results/speed.json and results/runtimes.json: ratios and shares, no absolute times."""

from typing import Any

SHOWN = {  # how names begin, the longer of two first
    "crossover_dense": ("Crossover-Net at every pixel", "patch pairs"),
    "crossover_refined": ("Crossover-Net, lattice then refined", "every pixel"),
    "crossover_skip_air": ("Crossover-Net, without the air around the body", "every pixel"),
    "crossover_training": ("Crossover-Net, training on the lattice", "patch pairs"),
    "peers_slice": ("Crossover-Net on the lattice", "MONAI BasicUNet"),
    "peers_every_pixel": ("Crossover-Net at every pixel", "MONAI BasicUNet"),
    "peers_refined": ("Crossover-Net, lattice then refined", "MONAI BasicUNet"),
    "peers_click_slice": ("One click to its slice", "DeepEdit's DynUNet"),
    "peers_click_volume": ("One click to a volume", "DeepEdit's DynUNet"),
    "click": ("One click, sequential patches", "step by step"),
    "volume_ct": ("CT from file to file", "-"),
    "volume_mr": ("MR from file to file, one click", "-"),
    "scaling": ("Crossover-Net at every pixel, by size", "-"),
}


def speed(results: dict[str, Any]) -> str:
    """One row per benchmark, and how the cost grows in a sentence."""
    heading = ["benchmark", "what", "baseline", "times faster", "of the limit", "largest error", "peak memory, MB"]
    rows = []
    for found in results["benchmarks"]:
        what, baseline = next((SHOWN[start] for start in SHOWN if found["name"].startswith(start)), ("-", "-"))
        rows.append(
            [
                f"`{found['name']}`",
                what,
                baseline,
                _number(found["ratio"], ".3g"),
                _number(found["of_limit"], ".2f"),
                _number(found["max_error"], ".0e"),
                _number(found["peak_rss_mb"], ".0f") + _of_peer(found),
            ]
        )
    lines = ["| " + " | ".join(row) + " |" for row in (heading, ["---"] * len(heading), *rows)]
    return "\n".join([*lines, *_sentences(results["benchmarks"], results["about"]["threads"])])


TASKS = {"every_pixel": "Crossover-Net, every pixel", "click": "sequential patches, one click"}


def runtimes(results: dict[str, Any]) -> str:
    """One row per network and runtime: its time beside torch's, and how long it takes to start."""
    heading = [
        "network",
        "runtime",
        "time, torch's being 1",
        "until the first answer, in answers",
        "largest error",
    ]
    rows = []
    for task, found in results["tasks"].items():
        torch_seconds = found["torch"]["seconds"]
        for name, one in found.items():
            if name == "input":
                continue
            row = [one, "-", "-"]  # a sentence: what was missing
            if not isinstance(one, str):
                first = f"{one['first_s'] / one['seconds']:.0f}"
                row = [f"{one['seconds'] / torch_seconds:.2f}", first, f"{one['max_error']:.0e}"]
            rows.append([TASKS[task], name, *row])
    lines = ["| " + " | ".join(row) + " |" for row in (heading, ["---"] * len(heading), *rows)]
    return "\n".join(lines)


def click_precision(results: dict[str, Any]) -> str:
    """One row per precision: what rounding costs one click, and what it saves."""
    heading = ["precision", "slices", "DSC", "change", "worst set", "largest change of a slice", "times faster"]
    rows = []
    for name, found in results["precisions"].items():
        changes = [f"{found[key]:+.4f}" for key in ("dsc_change", "lowest_change_of_a_set")]
        largest, faster = f"{found['largest_change_of_a_slice']:.3f}", f"{found['times_faster']:.2f}"
        rows.append([name, str(found["slices"]), f"{found['dsc']:.4f}", *changes, largest, faster])
    return "\n".join("| " + " | ".join(row) + " |" for row in (heading, ["---"] * len(heading), *rows))


def _sentences(benchmarks: list[dict[str, Any]], threads: int) -> list[str]:
    found = [
        f"Of `{one['name']}` the network takes {100 * one['network_share']:.0f} % of the time from file to file.  "
        for one in benchmarks
        if "network_share" in one
    ]
    for one in benchmarks:
        if "growth" in one:
            powers = ", ".join(f"{part['exponent']:.2f} ({name})" for name, part in one["growth"].items())
            found.append(f"The cost grows with the power of {powers}; 1 is linear.  ")
    limit = "The limit is the rate of a large matrix product in the same run, at the same precision; "
    return ["", *found, f"{limit}all with {threads} threads."]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _of_peer(found: dict[str, Any]) -> str:
    return f" (peer {found['baseline_peak_rss_mb']})" if "baseline_peak_rss_mb" in found else ""
