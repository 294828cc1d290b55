"""What rounding costs one click: bfloat16 and int8 against float32, on real slices.

    python benchmarks/click_precision.py [--organs runs/organs] [--slices 30]

The weights of seqpatch_prostate answer one click in the middle of each object, computed by OpenVINO. int8 is ONNX
Runtime's static quantization, its ranges taken from slices for training (`train_public`), none of them measured.
Goal: a mean DSC within 0.002 of float32's.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from limit import timed
from machine import threads, versions
from one_click import NEVER_TRAINED, TESTED, measure
from torch import Tensor, nn

from patchseg.bundles import bundle_root
from patchseg.data import find_cases
from patchseg.denormals import denormals_flushed
from patchseg.errors import InputError, show_as_sentence
from patchseg.export.formats import INPUT, onnx
from patchseg.files import whole_file
from patchseg.runtimes import at_runtime
from patchseg.seqpatch import DIRECTIONS, ClickInferer, SeqPatchNet
from patchseg.weights import load_weights

RAYS, PATCHES = len(DIRECTIONS), 8
CALIBRATING = 24  # slices


def main(
    organs: str = "runs/organs",
    sets: str = ",".join(NEVER_TRAINED + TESTED),
    slices: int = 30,
    seconds: float = 5.0,
    results: str = "results/click_precision.json",
) -> None:
    """Measure and write the results file.

    Args:
        organs: folder that `organs.py` wrote.
        sets: which of it, with commas between.
        slices: of each set, evenly spread.
        seconds: how long each precision is timed, at least once.
        results: the file to write.
    """
    folder = Path(organs)
    if not (folder / "train_public").is_dir():
        raise InputError(f"{folder} does not hold the slices of organs.py: run it first.")
    torch.set_flush_denormal(True)
    net = load_weights(SeqPatchNet(), bundle_root("seqpatch_prostate") / "models" / "model.pt").eval()
    networks = {
        "float32": at_runtime(net, "openvino"),
        "bfloat16": at_runtime(net, "openvino", "bfloat16"),
        "int8": int8(net, calibration(find_cases(folder / "train_public"))),
    }
    rays = torch.randn(RAYS, PATCHES, 32, 32)
    taken = {}
    for name, network in networks.items():
        network(rays)  # compiles
        taken[name] = timed(lambda network=network: network(rays), seconds)[0]
    inferer, found = ClickInferer(PATCHES), {}
    for name in sets if isinstance(sets, tuple) else sets.split(","):
        cases = find_cases(folder / name)
        cases = [cases[i] for i in np.unique(np.linspace(0, len(cases) - 1, slices).round().astype(int))]
        each = {how: measure(cases, one, inferer, (0,), f"{name}, {how}") for how, one in networks.items()}
        found[name] = {how: one["cases_dsc"]["0"] for how, one in each.items()}
        print(name, {how: round(float(np.mean(dsc)), 4) for how, dsc in found[name].items()}, flush=True)
    content = {
        "about": {"benchmark": "click_precision", "threads": threads(), "versions": versions()},
        "precisions": {how: _summary(found, how, taken) for how in networks},
        "sets": found,
    }
    path = Path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    print(json.dumps(content["precisions"], indent=1))


def _summary(found: dict[str, dict[str, list[float]]], how: str, taken: dict[str, float]) -> dict[str, Any]:
    """Mean DSC of all slices, what it changed, and how much faster the rays of a click are than in float32."""
    dsc = np.concatenate([of_set[how] for of_set in found.values()])
    change = dsc - np.concatenate([of_set["float32"] for of_set in found.values()])
    worst = min(np.mean(of_set[how]) - np.mean(of_set["float32"]) for of_set in found.values())
    return {
        "slices": len(dsc),
        "dsc": round(float(dsc.mean()), 4),
        "dsc_change": round(float(change.mean()), 5),
        "largest_change_of_a_slice": round(float(np.abs(change).max()), 4),
        "lowest_change_of_a_set": round(float(worst), 5),
        "times_faster": round(taken["float32"] / taken[how], 2),
    }


def calibration(cases: list[dict[str, Any]]) -> list[Tensor]:
    """The rays of a click in each of a few slices, as the inferer cuts them."""
    seen: list[Tensor] = []

    def keeping(patches: Tensor) -> Tensor:
        seen.append(patches.contiguous())
        return torch.zeros_like(patches)

    chosen = [cases[i] for i in np.linspace(0, len(cases) - 1, CALIBRATING).round().astype(int)]
    measure(chosen, keeping, ClickInferer(PATCHES, coarsest=1), (0,), "calibration")
    return seen


def int8(net: nn.Module, rays: list[Tensor]) -> Callable[[Tensor], Tensor]:
    """`net` with weights and maps in 8 bits, for batches of 16 rays of 8 patches."""
    import openvino
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Rays(CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[Tensor] = iter(rays)

        def get_next(self) -> dict[str, np.ndarray] | None:
            patches = next(self.left, None)
            return None if patches is None else {INPUT: patches.numpy()}

    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        whole, rounded = (str(Path(folder) / f"{name}.onnx") for name in ("float32", "int8"))
        with torch.no_grad():
            program = torch.export.export(net, (torch.zeros(RAYS, PATCHES, 32, 32),))
        Path(whole).write_bytes(onnx(program))
        quantize_static(whole, rounded, Rays(), per_channel=True, activation_type=QuantType.QUInt8)
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        settings["INFERENCE_PRECISION_HINT"] = "f32"  # what is not int8
        request = openvino.Core().compile_model(rounded, "CPU", settings).create_infer_request()
    logging.disable(logging.NOTSET)

    def network(patches: Tensor) -> Tensor:
        with denormals_flushed():
            return torch.from_numpy(request.infer([patches.numpy()])[0].copy())

    return network


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
