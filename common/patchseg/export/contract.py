"""What a program has to do before and after an exported network, for people and for programs."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigParser
from torch import nn

from patchseg.crossover import CrossoverNet
from patchseg.data import CTIntensityd
from patchseg.geometry import NetworkGridd
from patchseg.seqpatch import DIRECTIONS
from patchseg.seqpatch.network import PATCH
from patchseg.seqpatch.rays import BEFORE
from patchseg.seqpatch.slices import DOUBT

from .formats import INPUT, OUTPUT

GRIDS = {
    "body": {
        "rows": "from the front of the patient to the back",
        "columns": "from the patient's right to the left",
        "slices": "from the feet to the head, one by one",
        "oblique": "each axis takes the direction it is closest to; the way back undoes exactly this",
    },
    "file": {
        "rows": "along the file's second axis, turned to run to the left, the back or the feet",
        "columns": "along the file's first axis, turned likewise",
        "slices": "along the file's third axis, one by one",
    },
}


def contract(parser: ConfigParser, network: nn.Module) -> dict[str, Any]:
    """Input, output, grid, intensities and every step around the network, with the numbers of inference.json.

    Args:
        parser: the bundle's inference.json with its metadata read.
    """
    spacing = parser.get_parsed_content("spacing") or "as acquired"
    steps = parser.get_parsed_content("preprocessing").transforms
    (planes,) = {step.planes for step in steps if isinstance(step, NetworkGridd)}
    grid = GRIDS[planes] | {"spacing_mm": {"rows": spacing, "columns": spacing, "slices": "as acquired"}}
    own = _crossover(parser, network) if isinstance(network, CrossoverNet) else _rays(parser)
    return {
        **own,
        "grid": grid,
        "preprocessing": _steps(parser, "preprocessing"),
        "inferer": _described(parser, parser["inferer"], type(parser.get_parsed_content("inferer"))),
        "postprocessing": [s for s in _steps(parser, "postprocessing") if s["_target_"] != "SaveImaged"],
    }


def _crossover(parser: ConfigParser, network: CrossoverNet) -> dict[str, Any]:
    classes = parser["_meta_"]["network_data_format"]["outputs"]["pred"]["channel_def"]
    rows, columns = network.patch
    return {
        "input": _tensor(INPUT, ["slice", "channel", "row", "column"], ["any", 1, "any", "any"])
        | {
            "intensity": _intensity(parser),
            "margin": f"none to be added: outside the image counts as 0, up to {max(rows, columns) // 2} pixels",
        },
        "output": _tensor(OUTPUT, ["slice", "class", "row", "column"], ["any", len(classes), "any", "any"])
        | {"meaning": "logits; postprocessing makes the mask of them", "classes": classes},
    }


def _intensity(parser: ConfigParser) -> str:
    """In words where the step is that of CT; the other steps' own words stand in the contract's preprocessing."""
    for step in parser.get_parsed_content("preprocessing").transforms:
        if isinstance(step, CTIntensityd):
            return (
                f"Hounsfield units clipped to {step.low:g}..{step.high:g} and scaled to 0..{step.top:g}; if the "
                f"image is windowed to 8 bit already, 0..255 scaled to 0..{step.top:g}"
            )
    return "as the steps of preprocessing say"


def _rays(parser: ConfigParser) -> dict[str, Any]:
    steps, stride = (parser.get_parsed_content(key) for key in ("steps", "stride"))
    half = steps * stride + PATCH // 2
    axes = ["ray", "patch", "row", "column"]
    return {
        "input": _tensor(INPUT, axes, ["any", "any", PATCH, PATCH])
        | {
            "patches": f"of a ray, the innermost first: centred on click + k * {stride} * direction with "
            f"k = 1..{steps}; a patch reaches from {BEFORE} pixels before its centre to {PATCH - 1 - BEFORE} "
            "after; outside the slice is 0",
            "directions": [list(direction) for direction in DIRECTIONS],
            "intensity": "of each slice, before the patches are cut: minus the mean and divided by the standard "
            f"deviation of its pixels from {half} before the click to {half - 1} after, in rows and in columns",
        },
        "output": _tensor(OUTPUT, axes, ["any", "any", PATCH, PATCH])
        | {
            "meaning": "logit of the clicked object in each pixel of each patch; the probability of a pixel of "
            "the slice is the mean of the sigmoids of all patches over it, 0 where none lies; the mask is where "
            "it exceeds 0.5",
            "confidence": f"mean of |2 p - 1| over the slice's pixels with probability p above {DOUBT}",
        },
    }


def _tensor(name: str, axes: list[str], shape: list[str | int]) -> dict[str, Any]:
    return {"name": name, "dtype": "float32", "axes": axes, "shape": shape}


def _steps(parser: ConfigParser, key: str) -> list[dict[str, Any]]:
    """The transforms of a Compose, which a config gives as a list or as a sum of lists: "$@loading + @to_grid"."""
    listed = parser[key]["transforms"]
    if isinstance(listed, str):
        listed = [step for name in re.findall(r"@(\w+)", listed) for step in parser[name]]
    made = [type(t) for t in parser.get_parsed_content(key).transforms]
    return [_described(parser, step, kind) for step, kind in zip(listed, made, strict=True)]


def _described(parser: ConfigParser, step: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """A step with its numbers instead of references, and what its documentation says first."""
    does = re.split(r"(?<=\.)\s", " ".join((inspect.getdoc(kind) or "").split()), maxsplit=1)[0]
    return {name: _value(parser, value) for name, value in step.items()} | {"does": does}


def _value(parser: ConfigParser, value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"@\w+", value):
        return value[1:] if isinstance(parser[value[1:]], Mapping) else parser.get_parsed_content(value[1:])
    return value.lstrip("$").strip("'") if isinstance(value, str) else value
