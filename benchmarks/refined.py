"""The refined lattice against every pixel, on real slices with the shipped kidney weights: `dense.py --refine`."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from figures import figures
from limit import matrix_rate, operations
from monai.bundle import ConfigParser
from own_process import peak_rss_mb

from patchseg.bundles import bundle_root
from patchseg.crossover import CrossoverNet
from patchseg.crossover.refine import CrossWindow, RefinedLattice, disagreeing, windows
from patchseg.data import find_cases
from patchseg.data.phantom_ct import write_ct_phantoms
from patchseg.runtimes import at_runtime
from patchseg.weights import load_weights

LEAST = 0.999  # of the pixels have to be the same in both masks
GRAIN = 16  # slices get zeros, which lie around them anyway, up to multiples of it: fewer shapes to compile


def real_slices() -> list[np.ndarray]:
    """CT slices on the bundle's grid, (H, W): kits19_slices in $PATCHSEG_DATA, else those of a phantom."""
    data = os.environ.get("PATCHSEG_DATA")
    if data:
        return list(_on_grid(Path(data) / "kits19_slices"))
    with tempfile.TemporaryDirectory() as folder:
        write_ct_phantoms(folder, cases=1)
        return list(_on_grid(Path(folder)))


def _on_grid(folder: Path) -> Iterator[np.ndarray]:
    parser = ConfigParser()
    parser.read_config(bundle_root("crossover_kidney") / "configs" / "inference.json")
    transforms = parser.get_parsed_content("loading") + parser.get_parsed_content("to_grid")
    for case in find_cases(folder):
        record: dict[str, Any] = dict(case)
        for transform in transforms:
            record = transform(record)
        yield from np.moveaxis(np.asarray(record["image"][0]), -1, 0)


def refined(slices: list[np.ndarray], runtime: str, precision: str) -> dict[str, Any]:
    """The figures over all slices together. `max_error` is that of the logits on the lattice."""
    net = shipped_network()
    every_pixel, ours = at_runtime(net, runtime, precision), RefinedLattice(net, runtime, precision)
    seconds, needed, error, same, pixels = [0.0, 0.0], 0.0, 0.0, 0, 0
    with torch.no_grad():
        for slice_ in sorted(slices, key=lambda slice_: padded(slice_).shape):  # a shape is compiled once
            rows, cols = slice_.shape
            image = padded(slice_)
            both = (every_pixel, ours)
            for network in both:
                network(image)  # compiles shapes it has not met
            (baseline, dense), (took, found) = (_once(network, image) for network in both)
            same += int((found.argmax(1) == dense.argmax(1))[..., :rows, :cols].sum())
            pixels += rows * cols
            seconds = [seconds[0] + took, seconds[1] + baseline]
            needed += operations_of(net, dense)
            error = max(error, float((found - dense)[..., ::4, ::4].abs().max()))
        peak = peak_rss_mb()
        limit = needed / matrix_rate(precision)
    if same < LEAST * pixels:
        raise SystemExit(f"the mask is the same on {same / pixels:.2%} of the pixels only")
    print(f"{len(slices)} slices: {seconds[0]:.2f} s, every pixel {seconds[1]:.2f} s")
    name = "crossover_refined" + "_bf16" * (precision == "bfloat16")
    more = {"slices": len(slices), "same_mask": round(same / pixels, 6)}
    return figures(name, seconds[0], limit, peak, runtime, precision, seconds[1], error, **more)


def shipped_network() -> CrossoverNet:
    """With the weights of crossover_kidney."""
    return load_weights(CrossoverNet(), bundle_root("crossover_kidney") / "models" / "model.pt").eval()


def padded(slice_: np.ndarray) -> torch.Tensor:
    """(H, W) -> (1, 1, H, W), sides rounded up."""
    rows, cols = slice_.shape
    return F.pad(torch.from_numpy(slice_), [0, -cols % GRAIN, 0, -rows % GRAIN])[None, None]


def _once(network: Callable[[torch.Tensor], torch.Tensor], image: torch.Tensor) -> tuple[float, torch.Tensor]:
    start = time.perf_counter()
    found = network(image)
    return time.perf_counter() - start, found


def operations_of(net: CrossoverNet, logits: torch.Tensor) -> float:
    """What the lattice of an image needs, and the windows in it beyond what the lattice has judged of them."""
    meta = CrossoverNet(net.patch).to("meta")
    lattice = operations(meta, torch.empty(1, 1, *logits.shape[2:], device="meta"), stride=4)
    window, known = CrossWindow(meta), LatticeInWindow(meta)
    fields = [
        torch.empty(1, 1, height + net.patch[0] - 1, width + net.patch[0] - 1, device="meta")
        for _, _, height, width in windows(disagreeing(logits[0, :, ::4, ::4].argmax(0)), 4)
    ]
    return lattice + sum(operations(window, field) - operations(known, field) for field in fields)


class LatticeInWindow(CrossWindow):
    """What a window has in common with the lattice, which computes it anyway."""

    def forward(self, fields: torch.Tensor) -> torch.Tensor:
        arm = (self.net.patch[0] - self.net.patch[1]) // 2
        upright, across = fields[..., arm:-arm], fields.transpose(2, 3)[..., arm:-arm]
        return self.net.judge(upright, across, self.net.vertical.pools)
