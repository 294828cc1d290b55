"""Tables and sentences of the model cards, from the contents of results files."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from table_clicks import SHOWN, setting

LIMITS = (0.7, 0.5)  # a DSC below the first is a poor outline, below the second hardly one
PARTS = {  # how names of cases say what was clicked
    "kidney": "kidneys with tumours",
    "tumour": "tumours alone",
    "lv": "left ventricles",
    "epi": "all within the epicardium",
    "rv": "right ventricles",
    "benign": "benign lesions",
    "malignant": "malignant lesions",
}


def below(dsc: Sequence[float]) -> list[str]:
    """Which share of the cases lies below each of the limits.

    >>> below([0.3, 0.6, 0.8, 0.9])
    ['50 %', '25 %']
    """
    return [f"{100 * sum(one < limit for one in dsc) / len(dsc):.0f} %" for limit in LIMITS]


def failures(results: dict[str, Any]) -> str:
    """For each set of an automatic bundle: how bad cases differ from the others."""
    lines = []
    for found in results["measured"]:
        cases = sorted(found["cases"], key=lambda case: case["reference_ml"])
        third = len(cases) // 3
        if not third:
            continue
        dsc = [case["dsc"] for case in cases]
        poor = sum(one < LIMITS[0] for one in dsc)
        poor_small = sum(one < LIMITS[0] for one in dsc[:third])
        more = sum(case["or"] > case["ur"] for case in cases)
        nothing = sum(case["dsc"] == 0 for case in cases)
        of_poor = f"of the {poor} below {LIMITS[0]} it holds {poor_small}; " if poor else ""
        lines.append(
            f"{_named(found)}: mean DSC {fmean(dsc[-third:]):.3f} in the third with the largest references, "
            f"{fmean(dsc[third:-third]):.3f} in the middle, {fmean(dsc[:third]):.3f} in the smallest; {of_poor}"
            f"{nothing} of {len(cases)} have a DSC of 0; in {more} more was added than missed.  "
        )
    return "\n".join(lines)


def one_click_own(results: dict[str, Any]) -> str:
    """One row per set, of the first method alone: what the bundle ships; then its parts, where names tell them."""
    method, sets = next(iter(results["methods"].items()))
    heading = ["data", "setting", "slices (patients)", "DSC per slice, mean ± sd", "median", "worst"]
    heading += [*(f"DSC below {limit}" for limit in LIMITS), "click 10 px off"]
    rows = [
        [
            SHOWN[name],
            setting(method, name),
            f"{found['slices']} ({found['patients']})",
            f"{found['dsc']['0']['mean']:.3f} ± {found['dsc']['0']['sd']:.3f}",
            f"{found['dsc']['0']['median']:.3f}",
            f"{min(found['cases_dsc']['0']):.3f}",
            *below(found["cases_dsc"]["0"]),
            f"{found['dsc']['10']['mean']:.3f}",
        ]
        for name, found in sets.items()
    ]
    return "\n".join([*table(heading, rows), "", *_parts(sets)]).rstrip()


def _parts(sets: dict[str, Any]) -> list[str]:
    """A sentence for each set that holds several kinds of objects."""
    lines = []
    for name, found in sets.items():
        by_part: dict[str, list[float]] = {}
        for case, dsc in zip(found["cases"], found["cases_dsc"]["0"], strict=True):
            part = next((key for key in PARTS if any(word.startswith(key) for word in case.split("_"))), None)
            if part:
                by_part.setdefault(part, []).append(dsc)
        if len(by_part) > 1:
            said = (
                f"{PARTS[part]} {fmean(dsc):.3f} ({len(dsc)}, {below(dsc)[0]} below {LIMITS[0]})"
                for part, dsc in by_part.items()
            )
            lines.append(f"{SHOWN[name]}: mean DSC of {', '.join(said)}.  ")
    return lines


def cost(results: dict[str, Any]) -> str:
    """One row per scan and runtime, and what it was measured with."""
    heading = ["scan", "runtime", "start-up, s", "from file to file, s", "slices judged", "peak memory, MB"]
    rows = [
        [
            f"{line['scan']}, {' x '.join(map(str, line['shape']))}" + ("" if line["trained"] else " (untrained)"),
            line["runtime"],
            f"{line['start_s']:.1f}",
            f"{line['seconds']:.1f}",
            str(line["slices"]),
            str(line["peak_rss_mb"]),
        ]
        for line in results["measured"]
    ]
    about = results["about"]
    note = (
        f"{about['processor']}, {about['threads']} threads, float32, torch {about['versions']['torch']}; phantoms "
        "of the size named. Start-up: Python, libraries and weights. OpenVINO's time holds the compiling for a "
        "new image size."
    )
    return "\n".join([*table(heading, rows), "", note])


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return ["| " + " | ".join(cells) + " |" for cells in (heading, ["---"] * len(heading), *rows)]


def _named(found: dict[str, Any]) -> str:
    return found["data"] + (f" (protocol {found['protocol']})" if found["protocol"] != "whole" else "")
