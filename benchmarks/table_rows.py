"""What tables.py writes: Markdown tables and flat metrics from the contents of results files."""

from collections.abc import Callable, Sequence
from typing import Any

from published import CROSSOVER_TABLE_1
from table_cards import LIMITS, below, cost, failures, one_click_own
from table_clicks import click_limits, click_volumes, few_shot, mixture, one_click, one_click_short
from table_gpu import gpu
from table_reproduce import ellipse, reproduce
from table_robustness import robustness
from table_speed import click_precision, runtimes, speed

MISSING = "not measured yet"
METHODS = {"crossover": "Crossover-Net", "basic_unet": "MONAI BasicUNet"}
PAPER = CROSSOVER_TABLE_1["methods"]
PAPER_DATA = "the paper's own CT, 74 patients"
PAPER_NOTE = (
    "Rows of the paper (Crossover-Net, Table I) are quoted: other patients, angiographic CT of one scanner, no "
    "unit given for its HD. Ours is averaged over the cases that have one: a tumour missed altogether has none."
)


def kidney_phantom(results: dict[str, Any]) -> str:
    """One row for the network, one for the best threshold, and the paper's."""
    heading = ("data", "method", "protocol", "DSC, mean ± sd (n)", "HD, mm", "OR", "UR", "training, min")
    data = "phantom CT, held out"
    minutes = f"{results['training']['seconds'] / 60:.1f}"
    row = [data, METHODS["crossover"], results["about"]["protocol"], *_measures(results["summary"]), minutes]
    threshold = f"{results['threshold_dsc']:.3f} ({results['summary']['n']})"
    return "\n".join(
        [
            *_table(heading, [row, [data, "best HU window", "whole", threshold, "-", "-", "-", "-"], _paper(8)]),
            "",
            PAPER_NOTE,
        ]
    )


def kidney_real(results: dict[str, Any]) -> str:
    """One row per protocol and method, the paper's rows, and the paired test in a sentence."""
    about = results["about"]
    heading = (
        "data", "method", "protocol", "DSC per patient, mean ± sd (n)", "HD, mm", "OR", "UR", "training, min",
        "DSC per slice, mean ± sd (n)", "s per slice",
    )  # fmt: skip
    rows = []
    for protocol in results["protocols"]:
        for method, found in results["methods"].items():
            part = found["protocols"][protocol]
            seconds = found["training"]["seconds"]
            rows.append(
                [
                    f"{about['dataset']}, {about['folds']}-fold",
                    METHODS[method],
                    protocol,
                    *_measures(part["patient_summary"]),
                    f"{sum(seconds) / len(seconds) / 60:.1f}",
                    _dsc(part["summary"]),
                    f"{part['seconds_per_case']:.2f}",
                ]
            )
    rows += [_paper(len(heading), method) for method in PAPER]
    tests = [_sentence(protocol, found) for protocol, found in results["comparison"].items()]
    return "\n".join([*_table(heading, rows), "", *tests, PAPER_NOTE])


def shipped(results: dict[str, Any]) -> str:
    """One row per bundle, data set and protocol: what the shipped weights reach on other patients."""
    heading = ("bundle", "data", "protocol", "patients", "DSC, mean ± sd (n)", "median", "HD, mm", "OR", "UR")
    heading += tuple(f"DSC below {limit}" for limit in LIMITS)
    rows = []
    for found in results["measured"]:
        dsc, *others = _measures(found["summary"])
        median = f"{found['summary']['median']['dsc']:.3f}"
        what = [found["bundle"], found["data"], found["protocol"], str(found["patients"])]
        rows.append([*what, dsc, median, *others, *below([case["dsc"] for case in found["cases"]])])
        rows += _structures(found)
    return "\n".join(_table(heading, rows))


def retrained(results: dict[str, Any]) -> str:
    """The same for weights trained anew, and what their training took."""
    epochs, minutes = results["training"]["epochs"], results["training"]["cpu_minutes"]
    return f"{shipped(results)}\n\n{epochs} epochs took {minutes:.0f} minutes of one core."


def _structures(found: dict[str, Any]) -> list[list[str]]:
    """One row for each structure, where there are several; the row before these is of all of them together."""
    rows = []
    for measure in found["summary"]["mean"]:
        if measure.endswith("_dsc"):
            name = measure.removesuffix("_dsc")
            mean, sd, median = (found["summary"][part] for part in ("mean", "sd", "median"))
            dsc = f"{mean[measure]:.3f} ± {sd[measure]:.3f} ({found['summary']['n']})"
            distances = [f"{median[measure]:.3f}", f"{mean[f'{name}_hd_mm']:.1f}", "-", "-"]
            what = [found["bundle"], f"{found['data']}: {name}", found["protocol"], str(found["patients"])]
            rows.append([*what, dsc, *distances, *below([case[measure] for case in found["cases"]])])
    return rows


TABLES: dict[str, Callable[[dict[str, Any]], str]] = {
    "kidney_phantom": kidney_phantom,
    "kidney_real": kidney_real,
    "shipped": shipped,
    "shipped_failures": failures,
    "retrained": retrained,
    "cards": shipped,
    "cards_failures": failures,
    "cost": cost,
    "one_click": one_click,
    "one_click_short": one_click_short,
    "one_click_own": one_click_own,
    "one_click_kidney": one_click,
    "one_click_kidney_own": one_click_own,
    "few_shot": few_shot,
    "click_limits": click_limits,
    "mixture": mixture,
    "click_volumes": click_volumes,
    "click_volumes_every_ray": click_volumes,
    "speed": speed,
    "gpu": gpu,
    "runtimes": runtimes,
    "click_precision": click_precision,
    "robustness": robustness,
    "reproduce_crossover": reproduce,
    "reproduce_sequential": reproduce,
    "breast_ellipse": ellipse,
}


def eval_metrics(results: dict[str, dict[str, Any]]) -> dict[str, float | int | str]:
    """Flat numbers for metadata.json, each named by its data set, and for real CT by the protocol."""
    flat: dict[str, float | int | str] = {}
    if "kidney_phantom" in results:
        found = results["kidney_phantom"]["summary"]
        flat |= {"kidney_phantom_cases": found["n"]} | _flat("kidney_phantom", found)
    if "kidney_real" in results:
        found = results["kidney_real"]["methods"].get("crossover", {"protocols": {}})["protocols"]
        for protocol, part in found.items():
            name = f"kidney_real_{protocol}"
            flat |= {f"{name}_patients": part["patient_summary"]["n"]} | _flat(name, part["patient_summary"])
    for found in results.get("shipped", {}).get("measured", []):
        name = found["data"].split(",")[0].lower().replace(" ", "_")
        name += f"_{found['protocol']}" if found["protocol"] != "whole" else ""
        # without distances: the sets of hearts have lost their spacing
        flat |= {f"{name}_cases": found["summary"]["n"]} | _flat(name, found["summary"], ("or", "ur"))
        each = {key: value for key, value in found["summary"]["mean"].items() if key.endswith("_dsc")}
        flat |= {f"{name}_mean_{key.removesuffix('_dsc')}_dice": round(value, 4) for key, value in each.items()}
    for clicked in ("one_click", "one_click_kidney"):
        ours = next(iter(results[clicked]["methods"].values())) if clicked in results else {}
        flat |= {f"one_click_{name}_mean_dice": of_set["dsc"]["0"]["mean"] for name, of_set in ours.items()}
    return flat


def _flat(name: str, found: dict[str, Any], measures: Sequence[str] = ("hd_mm", "or", "ur")) -> dict[str, float]:
    mean = {"dice": found["mean"]["dsc"], **{measure: found["mean"][measure] for measure in measures}}
    return {f"{name}_mean_{m}": round(value, 4) for m, value in mean.items() if value is not None}


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in (heading, ["---"] * len(heading), *rows)]


def _measures(found: dict[str, Any]) -> list[str]:
    """DSC, HD, OR and UR of a summary as text; a dash for what no case has."""
    mean = found["mean"]
    hd = "-" if mean["hd_mm"] is None else f"{mean['hd_mm']:.1f}"
    without = f" ({found['without_hd']} without)" if found["without_hd"] else ""
    return [_dsc(found), hd + without, f"{mean['or']:.3f}", f"{mean['ur']:.3f}"]


def _dsc(found: dict[str, Any]) -> str:
    sd = found["sd"]["dsc"]  # of one case there is none
    return f"{found['mean']['dsc']:.3f}" + (f" ± {sd:.3f}" if sd is not None else "") + f" ({found['n']})"


def _paper(columns: int, method: str = "Crossover-Net") -> list[str]:
    found = (f"{PAPER[method][measure]:.3f}" for measure in ("dsc", "hd", "or", "ur"))
    row = [PAPER_DATA, f"{method}, as published", "paper", *found]
    return row + ["-"] * (columns - len(row))


def _sentence(protocol: str, found: dict[str, Any]) -> str:
    p = "no test without differences" if found["p"] is None else f"p = {found['p']:.2g}"
    better, worse = found["crossover_better"], found["basic_unet_better"]
    return (
        f"Protocol {protocol}: Crossover-Net minus BasicUNet {found['mean_difference']:+.3f} DSC per patient, "
        f"better in {better} and worse in {worse} of {found['patients']} patients "
        f"({p}; two-sided Wilcoxon signed-rank test).  "
    )
