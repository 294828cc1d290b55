"""Tables of the click bundle, from the contents of results files."""

from typing import Any

TRAINED_ON = {"sunnybrook_lv", "acdc", "kits19"}  # other patients of these
PUBLIC = "synthetic and Sunnybrook"  # in the name of a method that was trained on these alone
SHOWN = {
    "prostate": "prostate, MR",
    "left_atrium": "left atrium, MR",
    "breast_ultrasound": "breast lesions, ultrasound",
    "sunnybrook_lv": "Sunnybrook: left ventricle, MR",
    "acdc": "ACDC: ventricles and epicardium, MR",
    "kits19": "KiTS19: kidneys and tumours, CT",
}


def one_click(results: dict[str, Any]) -> str:
    """One row per set and method: Dice per slice after one click, and how it falls with the click's offset."""
    methods = results["methods"]
    first = next(iter(methods.values()))
    offsets = list(next(iter(first.values()))["dsc"])
    heading = [
        "data",
        "setting",
        "method",
        "slices (patients)",
        "DSC per slice, mean ± sd",
        "median",
        *(f"click {offset} px off" for offset in offsets[1:]),
        "s per click",
    ]
    rows = [
        [
            SHOWN[name],
            setting(method, name),
            method,
            f"{found['slices']} ({found['patients']})",
            _mean(found["dsc"][offsets[0]]),
            f"{found['dsc'][offsets[0]]['median']:.3f}",
            *(f"{found['dsc'][offset]['mean']:.3f}" for offset in offsets[1:]),
            f"{found['seconds']:.2f}",
        ]
        for name in first
        for method, found in ((method, sets[name]) for method, sets in methods.items())
    ]
    return _table(heading, rows)


def one_click_short(results: dict[str, Any]) -> str:
    """One row per method: mean Dice of each set after one click in the middle, and 10 pixels beside it."""
    sets = next(iter(results["methods"].values()))
    heading = ["method", *(SHOWN[name] for name in sets)]
    rows = [
        [method, *(_with_offset(found["dsc"]) + "*" * (name in _trained_on(method)) for name, found in of.items())]
        for method, of in results["methods"].items()
    ]
    return _table(heading, rows)


def _with_offset(dsc: dict[str, dict[str, float]]) -> str:
    return f"{dsc['0']['mean']:.3f} ({dsc['10']['mean']:.3f})"


def setting(method: str, name: str) -> str:
    """Whether a method was trained on other patients of a set."""
    return "other patients" if name in _trained_on(method) else "never trained on"


def _trained_on(method: str) -> set[str]:
    return {"sunnybrook_lv"} if PUBLIC in method else TRAINED_ON


def few_shot(results: dict[str, Any]) -> str:
    """One row per method: Dice per slice of prostates before and after learning from the other patients'."""
    names = {"seqpatch": "Sequential patches", "click_unet": "U-Net with click"}
    heading = ["method", "starts from", "slices (patients)", "DSC before", "DSC after", "median after"]
    heading += ["s of training"]
    rows = [
        [
            names[method],
            f"`{found['settings']['initial_weights']}`",
            f"{found['slices']} ({found['patients']})",
            _mean(found["dsc_before"]),
            _mean(found["dsc_after"]),
            f"{found['dsc_after']['median']:.3f}",
            f"{found['seconds_per_patient']:.0f}",
        ]
        for method, found in results["methods"].items()
    ]
    return _table(heading, rows)


def mixture(results: dict[str, Any]) -> str:
    """One row per training material: mean Dice of each set after one click."""
    methods = results["methods"]
    sets = next(iter(methods.values()))
    heading = ["trained on", *(SHOWN[name] for name in sets)]
    rows = [
        [material, *(f"{found['dsc']['0']['mean']:.3f}" for found in of_sets.values())]
        for material, of_sets in methods.items()
    ]
    return _table(heading, rows)


def click_limits(results: dict[str, Any]) -> str:
    """One row per way to ask the network: mean Dice of each set, and whether it differs from what is in use."""
    sets = results["sets"]
    heading = ["way", *(f"{SHOWN[name]} ({found['slices']})" for name, found in sets.items())]
    rows = [
        [way, *(" / ".join(_differing(one) for one in found["ways"][way].values()) for found in sets.values())]
        for way in next(iter(sets.values()))["ways"]
    ]
    note = (
        "Mean DSC of a click in the middle / 10 pixels off it; in parentheses slices. † differs from what is in "
        "use: p < 0.05, two-sided Wilcoxon signed-rank test over slices, some of them of one patient."
    )
    return "\n".join([_table(heading, rows), "", note])


def _differing(found: dict[str, float | None]) -> str:
    p = found["p"]
    return f"{found['mean']:.3f}" + "†" * (p is not None and p < 0.05)


def click_volumes(results: dict[str, Any]) -> str:
    """One row per volume: Dice in 3D and seconds after each click of a simulated user."""
    volumes = results["volumes"]
    clicks = max(len(found["dsc"]) for found in volumes.values())
    heading = ["volume", "slices", *(f"DSC, {n + 1} click" + "s" * (n > 0) for n in range(clicks)), "s per click"]
    atria = [name for name in volumes if name.startswith("left_atrium")]
    rows = [
        [
            f"left atrium {atria.index(name) + 1}" if name in atria else name,
            str(found["slices"]),
            *(f"{found['dsc'][min(n, len(found['dsc']) - 1)]:.3f}" for n in range(clicks)),
            f"{sum(found['seconds']) / len(found['seconds']):.1f}",
        ]
        for name, found in volumes.items()
    ]
    return _table(heading, rows)


def _mean(found: dict[str, float]) -> str:
    return f"{found['mean']:.3f} ± {found['sd']:.3f}"


def _table(heading: list[str], rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in (heading, ["---"] * len(heading), *rows))
