"""What a mask is worth beside its reference: measures of one case, and summaries of many."""

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from monai.metrics import compute_hausdorff_distance

from patchseg.denormals import denormals_kept
from patchseg.errors import InputError

MEASURES = ("dsc", "hd_mm", "or", "ur", "volume_ml", "reference_ml")
Case = dict[str, Any]  # "name" and "patient" (str) and the MEASURES (float)


def case_measures(pred: torch.Tensor, label: torch.Tensor, spacing: Sequence[float]) -> dict[str, float]:
    """The measures of one segmented volume.

    Args:
        pred: predicted mask of zeros and ones, (X, Y, Z) or (1, X, Y, Z), any dtype.
        label: reference mask on the same grid.
        spacing: millimetres per voxel along X, Y and Z.

    Returns:
        `dsc` (Dice), `hd_mm` (symmetric Hausdorff distance between the two surfaces in mm, in 3-D), `or` and
        `ur` (over- and under-segmented share, FP and FN over TP + FN + FP, as the Crossover-Net paper has
        them), `volume_ml` and `reference_ml`. Two empty masks agree: dsc 1, hd_mm, or and ur 0. When only one
        of them is empty there is no distance: hd_mm is NaN, dsc 0.

    Raises:
        InputError: the shapes differ, or a mask holds anything but 0 and 1.

    >>> pred, label = torch.zeros(10, 10, 10), torch.zeros(10, 10, 10)
    >>> pred[2:6, 2:6, 2:6] = 1
    >>> label[2:6, 2:6, 2:8] = 1
    >>> {k: round(v, 3) for k, v in case_measures(pred, label, (1.0, 1.0, 5.0)).items()}
    {'dsc': 0.8, 'hd_mm': 10.0, 'or': 0.0, 'ur': 0.333, 'volume_ml': 0.32, 'reference_ml': 0.48}
    """
    p, r = binary_pair(pred, label)
    both, predicted, reference = (int(m.sum()) for m in (p & r, p, r))
    either = predicted + reference - both
    voxel_ml = math.prod(float(s) for s in spacing) / 1000
    return {
        "dsc": 2 * both / (predicted + reference) if either else 1.0,
        "hd_mm": _hausdorff(p, r, spacing) if predicted and reference else (math.nan if either else 0.0),
        "or": (predicted - both) / either if either else 0.0,
        "ur": (reference - both) / either if either else 0.0,
        "volume_ml": predicted * voxel_ml,
        "reference_ml": reference * voxel_ml,
    }


def dice(pred: torch.Tensor, label: torch.Tensor) -> float:
    """Dice of two masks of zeros and ones, (X, Y, Z) or (1, X, Y, Z); 1 when both are empty."""
    p, r = _mask(pred, "prediction"), _mask(label, "reference")
    size = int(p.sum()) + int(r.sum())
    return 2 * int((p & r).sum()) / size if size else 1.0


def binary_pair(pred: torch.Tensor, label: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and reference as bool (X, Y, Z) on the CPU, checked.

    Raises:
        InputError: the shapes differ, or a mask holds anything but 0 and 1.
    """
    p, r = _mask(pred, "prediction"), _mask(label, "reference")
    if p.shape != r.shape:
        shapes = f"{tuple(p.shape)}, the reference {tuple(r.shape)}"
        raise InputError(f"the prediction has shape {shapes}: bring both to one grid.")
    return p, r


def _mask(volume: torch.Tensor, what: str) -> torch.Tensor:
    data = torch.as_tensor(volume).detach().as_subclass(torch.Tensor).cpu()  # MetaTensor slows every step down
    data = data[0] if data.ndim == 4 and data.shape[0] == 1 else data
    if data.ndim != 3:
        raise InputError(f"the {what} has shape {tuple(data.shape)}: give one volume, (X, Y, Z) or (1, X, Y, Z).")
    mask = data != 0
    if data.dtype != torch.bool and bool((data[mask] != 1).any()):
        raise InputError(f"the {what} holds values other than 0 and 1: threshold it or choose one label.")
    return mask


def _hausdorff(pred: torch.Tensor, label: torch.Tensor, spacing: Sequence[float]) -> float:
    millimetres = [float(s) for s in spacing]
    with warnings.catch_warnings(), denormals_kept():
        # MONAI 1.6 warns of an argument that it passes to itself
        warnings.filterwarnings("ignore", message=".*always_return_as_numpy", category=FutureWarning)
        distance = compute_hausdorff_distance(
            pred[None, None], label[None, None], include_background=True, spacing=millimetres
        )
    return float(distance)


def summary(cases: Iterable[Case], measures: Sequence[str] = MEASURES) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and median of every measure over cases.

    A NaN is left out of its three figures; missing Hausdorff distances are counted.

    Returns:
        `mean`, `sd`, `median` (dicts by measure; NaN where nothing is left to average), `n` (cases), `missed`
        (cases with a reference and not one predicted voxel) and `without_hd` (cases whose hd_mm is NaN).

    >>> a = dict(dsc=0.9, hd_mm=4.0, ur=0.1, volume_ml=9.0, reference_ml=10.0) | {"or": 0.0}
    >>> b = dict(dsc=0.0, hd_mm=math.nan, ur=1.0, volume_ml=0.0, reference_ml=10.0) | {"or": 0.0}
    >>> s = summary([a, b])
    >>> s["n"], s["missed"], s["without_hd"], s["mean"]["dsc"], s["mean"]["hd_mm"]
    (2, 1, 1, 0.45, 4.0)
    """
    cases = list(cases)
    known = {m: _known(cases, m) for m in measures}
    return {
        "mean": {m: float(v.mean()) if v.size else math.nan for m, v in known.items()},
        "sd": {m: float(v.std(ddof=1)) if v.size > 1 else math.nan for m, v in known.items()},
        "median": {m: float(np.median(v)) if v.size else math.nan for m, v in known.items()},
        "n": len(cases),
        "missed": sum(c["volume_ml"] == 0 and c["reference_ml"] > 0 for c in cases),
        "without_hd": sum(math.isnan(c["hd_mm"]) for c in cases),
    }


def _known(cases: Sequence[Case], measure: str) -> np.ndarray:
    values = np.array([case[measure] for case in cases], dtype=float)
    return values[~np.isnan(values)]


def patient_means(cases: Iterable[Case], measures: Sequence[str] = MEASURES) -> list[Case]:
    """The mean of every measure per patient, sorted by patient; `cases` counts what went into it."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case["patient"]].append(case)
    return [{"patient": p, "cases": len(g), **summary(g, measures)["mean"]} for p, g in sorted(groups.items())]


def plain(value: Any) -> Any:
    """The value as JSON can hold it: NaN and infinities as None, floats rounded to 6 digits, keys as text.

    >>> plain({"hd_mm": math.nan, "dsc": [np.float32(0.12345678)]})
    {'hd_mm': None, 'dsc': [0.123457]}
    """
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def digits(measure: str) -> int:
    """Decimals worth showing: two for millimetres, one for millilitres, percent and seconds, else three."""
    unit = measure.rpartition("_")[2]
    return {"mm": 2, "ml": 1, "percent": 1, "seconds": 1}.get(unit, 3)


def table(cases: Sequence[Case], measures: Sequence[str] = MEASURES) -> str:
    """Aligned text: one line per case, then the mean; `-` stands for a distance that does not exist.

    >>> case = dict(name="a", dsc=0.5, hd_mm=math.nan, ur=0.5, volume_ml=1.0, reference_ml=2.0) | {"or": 0.0}
    >>> print(table([case]))
    case    dsc  hd_mm     or     ur  volume_ml  reference_ml
    a     0.500      -  0.000  0.500        1.0           2.0
    mean  0.500      -  0.000  0.500        1.0           2.0
    """
    rows = [["case", *measures]]
    for case in [*cases, {"name": "mean", **summary(cases, measures)["mean"]}]:
        numbers = ("-" if math.isnan(case[m]) else f"{case[m]:.{digits(m)}f}" for m in measures)
        rows.append([case["name"], *numbers])
    name, *widths = (max(len(cell) for cell in column) for column in zip(*rows, strict=True))
    lines = ([r[0].ljust(name), *(c.rjust(w) for c, w in zip(r[1:], widths, strict=True))] for r in rows)
    return "\n".join("  ".join(line) for line in lines)
