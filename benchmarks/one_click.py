"""What one click gives on real organs, slice by slice: Dice, its fall as the click moves off the centre, seconds.

    python benchmarks/organs.py --data ../shared/data --out runs/organs
    python benchmarks/one_click.py --checkpoints "{'Sequential patches': 'runs/click/model.pt'}"

Methods are told apart by their weights: those of `SeqPatchNet`, or of `ClickUNet`, MONAI's BasicUNet with the
click as a channel. Both answer through `ClickInferer`, as in use.
"""

import json
import time
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from machine import threads, versions
from organs import NEVER_TRAINED, TESTED
from PIL import Image
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from patchseg.data import find_cases
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file
from patchseg.precision import at_precision
from patchseg.rivals import ClickUNet, judge_views
from patchseg.seqpatch import ClickInferer, SeqPatchNet, judge_slices
from patchseg.seqpatch.curves import offset_curves
from patchseg.seqpatch.simulate import Click, click_in, guidance
from patchseg.weights import load_weights

LARGEST = 400  # rows or columns of a slice that is taken as it is


def main(
    checkpoints: dict[str, str],
    organs: str = "runs/organs",
    sets: str = ",".join(NEVER_TRAINED + TESTED),
    offsets: tuple[int, ...] = (0, 5, 10, 15),
    slices: int | None = None,
    steps: int = 8,
    precision: str = "float32",
    results: str = "results/one_click.json",
) -> None:
    """Measure each method on each set and write the results file.

    Args:
        checkpoints: weights of each method, as "{'Sequential patches': 'runs/click/model.pt'}".
        organs: folder that `organs.py` wrote.
        sets: of those in it, separated by commas.
        offsets: pixels from the object's centre to the click.
        slices: at most this many slices of each set, spread evenly; None takes all.
        steps: patches per ray.
        precision: "float32" or "bfloat16".
        results: the file to write.
    """
    names = sets.split(",") if isinstance(sets, str) else list(sets)
    if not isinstance(checkpoints, dict) or not checkpoints:
        raise InputError(
            "checkpoints is empty: give the weights of at least one method, as \"{'name': 'model.pt'}\"."
        )
    torch.set_flush_denormal(True)
    cases = {name: spread(find_cases(Path(organs) / name), slices) for name in names}
    methods = {}
    for method, path in checkpoints.items():
        network, inferer = method_of(Path(path), precision, steps)
        methods[method] = {
            name: measure(cases[name], network, inferer, offsets, f"{method}, {name}") for name in names
        }
    about = {
        "benchmark": "one_click",
        "checkpoints": {method: Path(path).name for method, path in checkpoints.items()},
        "steps": steps,
        "precision": precision,
        "threads": threads(),
        "versions": versions(),
    }
    path = Path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps({"about": about, "methods": methods}, indent=1) + "\n")
    offset_curves({method: _all_cases(found) for method, found in methods.items()}, path.with_suffix(".png"))
    for method, found in methods.items():
        for name, of_set in found.items():
            dice = "  ".join(f"{offset} px {values['mean']:.3f}" for offset, values in of_set["dsc"].items())
            print(f"{method:24} {name:18} n {of_set['slices']:4}  dsc at  {dice}  {of_set['seconds']:.2f} s")
    print(path)


def measure(
    cases: list[dict[str, Any]], network: nn.Module, inferer: ClickInferer, offsets: tuple[int, ...], what: str
) -> dict[str, Any]:
    """DSC of every slice after one click at each offset; a patient's slices count together in `patient_mean`."""
    found: dict[int, list[float]] = {offset: [] for offset in offsets}
    seconds = []
    for number, case in enumerate(tqdm(cases, desc=what, unit="slice")):
        image, label = read(case)
        for offset in offsets:
            click = Click(click_in(label, np.random.default_rng(number), offset))
            inputs = torch.cat([image[None], guidance([click], label.shape)])[None]
            start = time.perf_counter()
            with torch.no_grad():
                mask = inferer(inputs, network)[0, 0].numpy() > 0.5
            seconds.append(time.perf_counter() - start)
            found[offset].append(2 * float((mask & label).sum()) / float(mask.sum() + label.sum()))
    patients = [case["patient"] for case in cases]
    return {
        "slices": len(cases),
        "patients": len(set(patients)),
        "dsc": {str(offset): _summary(values, patients) for offset, values in found.items()},
        "seconds": round(float(np.median(seconds)), 3),
        "cases": [case["name"] for case in cases],
        "cases_dsc": {str(offset): [round(value, 4) for value in values] for offset, values in found.items()},
    }


def read(case: dict[str, Any]) -> tuple[torch.Tensor, np.ndarray]:
    """Image (H, W) and mask; halved, as a coarser spacing would, if they have more than 400 rows or columns.

    The rays see objects of 8 to 44 pixels radius; CT of 512 x 512 pixels and ultrasound show larger ones.
    """
    image = torch.from_numpy(np.asarray(Image.open(case["image"]), dtype=np.float32))
    label = np.asarray(Image.open(case["label"])) > 0
    if max(image.shape) <= LARGEST:
        return image, label
    return F.avg_pool2d(image[None], 2)[0], label[: image.shape[0] // 2 * 2 : 2, : image.shape[1] // 2 * 2 : 2]


def _summary(values: list[float], patients: list[str]) -> dict[str, float]:
    per_patient = [
        np.mean([v for v, p in zip(values, patients, strict=True) if p == one]) for one in sorted(set(patients))
    ]
    return {
        "mean": round(float(np.mean(values)), 4),
        "sd": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else 0.0,
        "median": round(float(np.median(values)), 4),
        "patient_mean": round(float(np.mean(per_patient)), 4),
    }


def _all_cases(found: dict[str, Any]) -> dict[float, list[float]]:
    """Offset -> the DSC of every slice of all sets."""
    sets = [of_set["cases_dsc"] for of_set in found.values()]
    return {float(offset): [dsc for one in sets for dsc in one[offset]] for offset in sets[0]}


def method_of(path: Path, precision: str, steps: int = 8) -> tuple[nn.Module, ClickInferer]:
    """The network of a weights file and the inferer that goes with it."""
    if not path.is_file():
        raise InputError(f"there are no weights at {path}: train first.")
    ours = "read.weight" in torch.load(path, map_location="cpu", weights_only=True)
    network = load_weights(SeqPatchNet() if ours else ClickUNet(), path).eval()
    judge = judge_slices if ours else judge_views
    return at_precision(network, precision), ClickInferer(steps, judge=judge)


def spread(cases: list[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """At most so many of the cases, evenly from first to last."""
    if most is None or len(cases) <= most:
        return cases
    return [cases[i] for i in np.linspace(0, len(cases) - 1, most).round().astype(int)]


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
