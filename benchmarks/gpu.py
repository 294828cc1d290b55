"""What a GPU makes of the networks: dense logits, one click and training, at three precisions, in one run.

    python benchmarks/gpu.py [--results results/gpu.json]

Each is timed by the GPU's own clock, beside a baseline on the same GPU at the same precision: batches of patch
pairs for Crossover-Net, the network step by step for a click. In float32, without TF32, the dense logits have to
be those of the patch pairs, a click's mask that of the CPU, and gradients those of the CPU. The last line printed
is the JSON object that the results file holds.
"""

import json
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import fire
import torch
from click_speed import StepByStep, clicked_volume
from gpu_timing import Setting, beside, line, matrix_rate, milliseconds, rounded, tf32
from gpu_training import BATCH, crossover_training, sample, seqpatch_training
from lattice_training import PairNet
from limit import operations
from torch import Tensor

from patchseg.bundles import bundle_root
from patchseg.crossover import CrossoverNet, cross_patches
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file
from patchseg.metrics import dice
from patchseg.seqpatch import ClickInferer, SeqPatchNet
from patchseg.weights import load_weights

PRECISIONS = ("float32", "tf32", "bfloat16")
MOST_ERROR = {"dense": 1e-4, "training": 1e-3}  # in float32: of a logit; of each gradient's largest number
Task = Callable[[Setting], dict[str, Any]]
LEAST_DICE = 0.999  # in float32, of the GPU's mask and the CPU's


def main(results: str = "results/gpu.json", seconds: float = 0.7) -> None:
    """Measure everything, write the results file, print it.

    Args:
        results: the file to write.
        seconds: how long each is repeated, at least once.
    """
    if not torch.cuda.is_available():
        raise InputError(
            "torch finds no NVIDIA GPU: run this on a machine that has one, with a torch built for CUDA in .venv."
        )
    about = {
        "benchmark": "gpu",
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "seconds": seconds,
    }
    found = {"about": about, "lines": measure(torch.device("cuda"), seconds)}
    differing = wrong(found["lines"])
    if differing:
        raise SystemExit(f"the GPU's answers differ from what they should be, so nothing is written: {differing}")
    path = Path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    print(json.dumps(found))


def measure(
    device: torch.device, seconds: float, tasks: Sequence[Task] | None = None, side: int = 8192
) -> list[dict[str, Any]]:
    """One line for each task and precision; what does not fit into the GPU's memory is left out."""
    lines: list[dict[str, Any]] = []
    for precision in PRECISIONS:
        with tf32(precision == "tf32"):
            setting = Setting(device, precision, matrix_rate(device, precision, side), seconds)
            for task in TASKS if tasks is None else tasks:
                try:
                    lines.append(task(setting))
                    print(json.dumps(lines[-1]), flush=True)
                except torch.OutOfMemoryError:
                    print(f"{task}: passed over, the GPU has too little memory", flush=True)
    return lines


def wrong(lines: Sequence[dict[str, Any]]) -> str:
    """The float32 lines whose answers differ; empty if there is none."""
    found = []
    for one in lines:
        most = next((most for part, most in MOST_ERROR.items() if part in one["name"]), float("inf"))
        right = one["max_error"] <= most and one.get("dice", 1.0) >= LEAST_DICE  # NaN is not
        if one["precision"] == "float32" and not right:
            found.append(f"{one['name']} (error {one['max_error']}, Dice {one.get('dice', '-')})")
    return ", ".join(found)


@torch.no_grad()
def dense(setting: Setting, size: int = 512, batch: int = 1, stride: int = 1) -> dict[str, Any]:
    """Crossover-Net at every pixel of slices of noise, or of the lattice, against batches of patch pairs."""
    torch.manual_seed(0)
    net, images = CrossoverNet().eval().to(setting.device), torch.randn(batch, 1, size, size).to(setting.device)
    ours, by_pairs = setting.network(net), setting.network(PairNet(net))
    pixels = sample(size, stride).to(setting.device)
    vertical, horizontal = cross_patches(images[0], pixels)
    pairs = torch.stack([vertical, horizontal.transpose(2, 3)], 1)
    with tf32(False):
        expected = net.forward_patches(vertical, horizontal)
    logits = ours(images, stride=stride)
    rows, columns = (pixels // stride).T
    error, judged = float((logits[0, :, rows, columns].T - expected).abs().max()), logits[:, 0].numel()
    del logits
    empty = torch.empty(batch, 1, size, size, device="meta")
    needed = operations(CrossoverNet().to("meta"), empty, stride=stride)
    name = f"crossover_dense_{batch}x{size}" + (f"_stride{stride}" if stride > 1 else "")
    found = line(name, setting, lambda: ours(images, stride=stride), needed, judged, "pixels")
    one_batch = milliseconds(lambda: by_pairs(pairs), setting.device, setting.seconds)
    return beside(found, one_batch * judged / BATCH, error)


def click(setting: Setting, size: int = 320, slices: int = 1, steps: int = 8) -> dict[str, Any]:
    """One click to a mask with the shipped weights, against the network step by step."""
    net, inferer = _shipped().to(setting.device), ClickInferer(steps=steps)
    volume = clicked_volume(size, slices).to(setting.device)
    ours, plain = setting.network(net), setting.network(StepByStep(net))
    cpu_ms, expected = _on_cpu(size, slices, steps)
    with torch.no_grad():
        found = inferer(volume, ours).cpu()
        needed = operations(inferer, volume, ours)
        name = f"click_{slices}x{size}"
        timed = line(name, setting, lambda: inferer(volume, ours), needed, slices, "slices")
        baseline = milliseconds(lambda: inferer(volume, plain), setting.device, 0, most=1)
    agreement = float(dice(found[0, 0] > 0.5, expected[0, 0] > 0.5))
    error = float((found - expected)[:, 0].abs().max())
    return beside(timed, baseline, error, dice=round(agreement, 5), cpu_ms=rounded(cpu_ms))


@cache
def _on_cpu(size: int, slices: int, steps: int) -> tuple[float, Tensor]:
    """Milliseconds of one click on the CPU, in float32, and its answer."""
    net, volume, inferer = _shipped(), clicked_volume(size, slices), ClickInferer(steps=steps)
    with torch.no_grad():
        ms = milliseconds(lambda: inferer(volume, net), torch.device("cpu"), 0, most=1)
        return ms, inferer(volume, net)


def _shipped() -> SeqPatchNet:
    return load_weights(SeqPatchNet(), bundle_root("seqpatch_prostate") / "models" / "model.pt").eval()


TASKS: tuple[Task, ...] = (
    dense,
    partial(dense, batch=16),
    partial(dense, stride=4),
    click,
    partial(click, slices=30),
    crossover_training,
    seqpatch_training,
)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
