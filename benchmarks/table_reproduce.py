"""The papers' tables beside ours, and where the order of methods differs: Markdown from reproduce_*.json."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from reproduce_results import paired

from patchseg.metrics import plain

RIVAL = "U-Net"  # what a user would take otherwise
MEASURES = {"dsc": "DSC", "hd_mm": "HD, mm", "or": "OR", "ur": "UR", "cd_x_mm": "CD-x, mm", "cd_y_mm": "CD-y, mm"}


def reproduce(results: dict[str, Any]) -> str:
    """One table per task, each with what it was measured on and how the order compares with the paper's."""
    return "\n\n".join(_task(task, results["about"]) for task in results["tasks"].values())


def ellipse(results: dict[str, Any]) -> str:
    """What the box around a lesion is worth without the image, on the same held-out images."""
    held_out = ", ".join(f"{found['dsc']:.3f} (seed {seed})" for seed, found in results["held_out"].items())
    images = next(iter(results["held_out"].values()))["images"]
    return (
        f"The ellipse inscribed in the lesion's own box has DSC {held_out} on the {images} images held out, "
        f"{results['all']['dsc']:.3f} ± {results['all']['sd']:.3f} on all {results['all']['images']}."
    )


def _task(task: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    measures = about["measures"]
    seeds = max((len(row["seeds"]) for row in task["rows"].values() if "seeds" in row), default=0)
    shown = [MEASURES.get(measure, measure) for measure in measures]
    heading = [
        "method",
        f"{shown[0]}, mean ± sd of seeds",
        "median patient",
        *shown[1:],
        f"{shown[0]} in the paper",
        "where",
    ]
    heading += ["seeds", "min", f"minus {about['ours']} (p)", f"minus {RIVAL} (p)", "remark"]
    rows = [_row(name, row, measures, task["rows"].get(RIVAL, {})) for name, row in task["rows"].items()]
    lines = ["| " + " | ".join(cells) + " |" for cells in (heading, ["---"] * len(heading), *rows)]
    data = (
        f"**{task['data']}.** Seeds: up to {seeds}, others held out each time; {task['minutes']:g} min for "
        f"each training, {task['threads']} thread(s). Means over patients, spread between seeds; differences are "
        "patient by patient, p of the two-sided Wilcoxon signed-rank test."
    )
    return "\n".join([data, "", *lines, "", *_orders(task["orders"])])


def _row(name: str, row: Mapping[str, Any], measures: Sequence[str], rival: Mapping[str, Any]) -> list[str]:
    paper = _number(row["published"].get(measures[0]), measures[0])
    if "mean" not in row:
        empty = ["-"] * (len(measures) + 1)
        return [name, "not run", *empty[1:], paper, row["where"], "-", "-", "-", "-", row["not_run"]]
    first = _number(row["mean"][measures[0]], measures[0])
    spread = row["sd_of_seeds"][measures[0]]
    cells = [first + (f" ± {_number(spread, measures[0])}" if spread is not None else "")]
    cells.append(_number(median(row["patients"].values()), measures[0]))
    cells += [_number(row["mean"][measure], measure) for measure in measures[1:]]
    return [
        name,
        *cells,
        paper,
        row["where"],
        str(len(row["seeds"])),
        f"{row['minutes']:.1f}",
        _test(row.get("against_ours")),
        _test(plain(paired(rival, row)) if name != RIVAL and "seeds" in rival else None),
        row["note"],
    ]


def _test(found: Mapping[str, Any] | None) -> str:
    if found is None or found["mean_difference"] is None:
        return "-"
    p = "no difference" if found["p"] is None else f"p = {found['p']:.2g}"
    return f"{-found['mean_difference']:+.3f} ({p})"


def _orders(orders: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every pair that the paper ranks, sorted into those that came out the same way and those that did not."""
    if not orders:
        return ["No pair of methods that the paper ranks was run yet."]
    known = [pair for pair in orders if pair["difference"] is not None]
    same = [pair for pair in known if pair["difference"] > 0]
    other = [pair for pair in known if pair["difference"] <= 0]
    lines = [f"Of {len(known)} pairs that the paper ranks, {len(same)} come in its order here."]
    for title, pairs in (("In the paper's order", same), ("The other way round", other)):
        if pairs:
            lines += ["", f"{title}: " + "; ".join(_pair(pair) for pair in pairs) + "."]
    return lines


def _pair(pair: Mapping[str, Any]) -> str:
    p = "" if pair["p"] is None else f", p = {pair['p']:.2g}"
    return f"{pair['better']} before {pair['worse']} ({pair['where']}; {pair['difference']:+.3f}{p})"


def _number(value: float | None, measure: str) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if measure.endswith("_mm") else f"{value:.3f}"
