"""Tables of the click bundle, from the contents of results files."""

from typing import Any

SETTING = {
    "prostate": "never trained on",
    "left_atrium": "never trained on",
    "breast_ultrasound": "never trained on",
    "sunnybrook_lv": "other patients",
    "acdc": "other patients",
    "kits19": "other patients",
}
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
        "data", "setting", "method", "slices (patients)", "DSC per slice, mean ± sd", "median",
        *(f"click {offset} px off" for offset in offsets[1:]), "s per click",
    ]  # fmt: skip
    rows = [
        [
            SHOWN[name],
            SETTING[name],
            method,
            f"{found['slices']} ({found['patients']})",
            f"{found['dsc'][offsets[0]]['mean']:.3f} ± {found['dsc'][offsets[0]]['sd']:.3f}",
            f"{found['dsc'][offsets[0]]['median']:.3f}",
            *(f"{found['dsc'][offset]['mean']:.3f}" for offset in offsets[1:]),
            f"{found['seconds']:.2f}",
        ]
        for name in first
        for method, found in ((method, sets[name]) for method, sets in methods.items())
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heading, ["---"] * len(heading), *rows))
