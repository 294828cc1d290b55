"""One training epoch of each kind of bundle on a GPU, drawing of its slices included: lines for gpu.py's results.

    python benchmarks/gpu.py && python benchmarks/gpu_epoch.py [--results results/gpu.json]

A training step alone says little to a user: the processor's cores draw and augment the slices meanwhile. So here
`monai.bundle` trains as it would for anyone, in bfloat16, on phantoms of the size of patients; the first epoch,
which fills the cache, does not count.
"""

import json
import os
import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fire
import torch
from gpu_timing import Setting, matrix_rate, rounded
from gpu_training import training_step
from limit import operations
from steps import bundle_command, run_command, write_json
from torch import nn

from patchseg.crossover import CrossoverLoss, CrossoverNet, LatticeNet
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import read_log
from patchseg.seqpatch import SeqPatchNet


def main(results: str = "results/gpu.json") -> None:
    """Measure the epochs and put their lines into the results file, in place of those that it has.

    Args:
        results: the file that gpu.py wrote on this GPU.
    """
    path = Path(results)
    if not torch.cuda.is_available():
        raise InputError("torch finds no NVIDIA GPU: run this on a machine that has one.")
    found = json.loads(path.read_text()) if path.is_file() else None
    if not found or found["about"]["device"] != torch.cuda.get_device_name():
        raise InputError(f"{path} is not of this GPU: run benchmarks/gpu.py first.")
    os.environ["OMP_NUM_THREADS"] = "1"  # of each process that draws slices: there is one for every core
    device = torch.device("cuda")
    setting = Setting(device, "bfloat16", matrix_rate(device, "bfloat16"), 0)
    lines = [epoch(setting) for epoch in EPOCHS]
    names = {line["name"] for line in lines}
    found["lines"] = [line for line in found["lines"] if line["name"] not in names] + lines
    write_json(path, found)
    print(json.dumps(lines))


def crossover_epoch(
    setting: Setting, cases: int = 24, slices_per_case: int = 8, side: int = 160, workers: int = 8
) -> dict[str, Any]:
    """`crossover_kidney` on CT phantoms, each seen once an epoch: canvases of side x side pixels."""
    settings = {"slices_per_case": slices_per_case, "canvas": [side, side], "folds": cases}
    seconds = _seconds_of_epochs("crossover_kidney", cases, settings, setting, workers)
    net, loss = LatticeNet(CrossoverNet()).to("meta"), CrossoverLoss()
    canvases = torch.empty(slices_per_case, 1, side, side, device="meta")
    step = training_step(net, loss, canvases, torch.empty(slices_per_case, 2, side, side, device="meta"))
    trained_on = cases - 1  # a fold holds out one
    judged = trained_on * slices_per_case * (-(-side // 4)) ** 2
    name = f"crossover_epoch_{trained_on}x{slices_per_case}x{side}"
    return _line(name, setting, seconds, trained_on * operations(step), judged, "lattice pixels")


def seqpatch_epoch(
    setting: Setting, slices: int = 4800, batch: int = 16, rays: int = 16, steps: int = 8, workers: int = 14
) -> dict[str, Any]:
    """`seqpatch_kidney` on synthetic slices."""
    settings = {"slices_per_epoch": slices, "batch_size": batch, "rays": rays, "steps": steps, "folds": 2}
    settings |= {"synthetic_share": 1.0, "train#trainer#decollate": False}
    seconds = _seconds_of_epochs("seqpatch_kidney", 2, settings, setting, workers)
    patches = torch.empty(batch * rays, steps, 32, 32, device="meta")
    step = training_step(SeqPatchNet().to("meta"), nn.BCEWithLogitsLoss(), patches, patches)
    name = f"seqpatch_epoch_{slices}x{rays}x{steps}"
    needed = operations(step) * slices // batch
    return _line(name, setting, seconds, needed, slices * rays, "rays")


EPOCHS: tuple[Callable[[Setting], dict[str, Any]], ...] = (crossover_epoch, seqpatch_epoch)


def _seconds_of_epochs(bundle: str, cases: int, settings: dict[str, Any], setting: Setting, workers: int) -> float:
    """Median seconds of the second and the third epoch."""
    with TemporaryDirectory() as temporary:
        data, run = Path(temporary) / "data", Path(temporary) / "run"
        phantoms = ["--folder", str(data), "--cases", str(cases), "--workers", str(max(workers, 1))]
        run_command(["-m", "patchseg.data.phantom_ct", *phantoms])
        always = {"dataset_dir": data, "output_dir": run, "num_workers": workers, "precision": setting.precision}
        always |= {"max_epochs": 3, "val_interval": 100}
        config = f"bundles/{bundle}/configs/train.json"
        run_command(bundle_command("training", [config], always | settings))
        return statistics.median(
            epoch["seconds"] for n, epoch in read_log(run / "training.jsonl").items() if n > 1
        )


def _line(name: str, setting: Setting, seconds: float, needed: int, amount: int, unit: str) -> dict[str, Any]:
    """As `gpu_timing.line`, without a baseline: there is none, nor an answer to compare."""
    limit = 1000 * needed / setting.rate
    return {
        "name": name,
        "precision": setting.precision,
        "ms": rounded(1000 * seconds),
        "limit_ms": rounded(limit),
        "of_limit": round(limit / (1000 * seconds), 3),
        "baseline_ms": None,
        "ratio": None,
        "max_error": None,
        "peak_mb": None,
        "per_second": rounded(amount / seconds),
        "unit": unit,
    }


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
