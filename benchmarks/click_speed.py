"""From one click to a mask: the network in one batch of rays against the plain one, step by step, in one run.

    python benchmarks/click_speed.py [--slices 30] [--precision bfloat16] [--organs runs/organs/prostate]

The plain network reads the rays pair by pair, one patch at a time, as the paper's equations are written. Both
answer the same click with the shipped weights, and have to agree. The last line printed is one JSON object.

Not called click.py: scripts find this folder first, and libraries that import the package `click` would get it.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fire
import torch
from figures import figures
from limit import matrix_rate, operations, timed
from own_process import peak_rss_mb
from torch import Tensor, nn

from patchseg.bundles import bundle_root
from patchseg.data import find_cases
from patchseg.errors import InputError, show_as_sentence
from patchseg.metrics import dice
from patchseg.runtimes import at_runtime, fast_runtime
from patchseg.seqpatch import DIRECTIONS, ClickInferer, SeqPatchNet
from patchseg.seqpatch.cells import RecurrentBlock
from patchseg.weights import load_weights

LEAST_DICE = {"float32": 0.999, "bfloat16": 0.97}  # of the two masks: carried from slice to slice, rounding grows


class StepByStep(nn.Module):
    """The definition of `SeqPatchNet`: two opposite rays at a time, patch after patch, nothing computed ahead."""

    def __init__(self, net: SeqPatchNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, patches: Tensor) -> Tensor:
        found = torch.empty_like(patches)
        half = len(DIRECTIONS) // 2
        for first in range(0, len(patches), 2 * half):
            for ray in range(first, first + half):
                found[ray : ray + half + 1 : half] = self._pair(patches[ray : ray + half + 1 : half])
        return found

    def _pair(self, patches: Tensor) -> Tensor:
        net = self.net
        tops = [net.down_top(patch[:, None]) for patch in patches.unbind(1)]
        middles = [net.down_middle(net.pool(top)) for top in tops]
        bottoms = _remember(net.memory_bottom, [net.down_bottom(net.pool(middle)) for middle in middles])
        raised = [net.up_middle(bottom) for bottom in bottoms]
        middles = [net.join_middle(torch.cat(both, 1)) for both in zip(raised, middles, strict=True)]
        raised = [net.up_top(middle) for middle in _remember(net.memory_middle, middles)]
        tops = [net.join_top(torch.cat(both, 1)) for both in zip(raised, tops, strict=True)]
        return torch.cat([net.read(top) for top in _remember(net.memory_top, tops)], 1)


def _remember(block: RecurrentBlock, maps: list[Tensor]) -> list[Tensor]:
    """Equations 2 and 3, one map after the other, there and back."""
    memories = []
    for direction in block.directions:
        state, memory = torch.zeros_like(maps[0]), []
        for one in reversed(maps) if direction.backward else maps:
            state = direction.cell.step(*direction.cell.inputs(one), state)
            memory.append(state)
        memories.append(memory[::-1] if direction.backward else memory)
    return [block.fuse(torch.cat(both, 1)) for both in zip(*memories, strict=True)]


class Counted(nn.Module):
    """Counts the rays that a network reads."""

    def __init__(self, network: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.rays = 0

    def forward(self, patches: Tensor) -> Tensor:
        self.rays += len(patches)
        return self.network(patches)


def main(
    size: int = 320,
    slices: int = 1,
    steps: int = 12,
    precision: str = "float32",
    runtime: str | None = None,
    organs: str | None = None,
    seconds: float = 10.0,
) -> None:
    """Time both, compare them, print the figures.

    Args:
        size: rows and columns of the slices.
        slices: how many; the click is in the middle one and carried to the others.
        steps: patches per ray.
        precision: of ours, "float32" or "bfloat16"; the baseline is float32.
        runtime: of ours, "torch" or "openvino"; None takes OpenVINO where it is installed.
        organs: a folder of slices that `organs.py` wrote; adds how much the mean Dice of one click on them
            differs from the float32 network's.
        seconds: how long each of the two is repeated, at least once.
    """
    if any(not isinstance(value, int) or value < 1 for value in (size, slices, steps)):
        raise InputError(f"size is {size}, slices {slices} and steps {steps}: give whole numbers from 1.")
    torch.set_flush_denormal(True)
    runtime = runtime or fast_runtime()
    net = load_weights(SeqPatchNet(), bundle_root("seqpatch_prostate") / "models" / "model.pt").eval()
    inputs, inferer = clicked_volume(size, slices), ClickInferer(steps=steps)
    counted = Counted(at_runtime(net, runtime, precision))
    with torch.no_grad():
        inferer(inputs, counted)  # compiles
        counted.rays = 0
        inferer(inputs, counted)
        rays = counted.rays
        ours, found = timed(lambda: inferer(inputs, counted), seconds)
        peak = peak_rss_mb()
        limit = rays * ray_operations(steps) / matrix_rate(precision, min(seconds, 2.0))
        baseline, expected = timed(lambda: inferer(inputs, StepByStep(net)), seconds)
    masks = [answer[0, 0] > 0.5 for answer in (found, expected)]
    agreement = float(dice(*masks))
    more: dict[str, Any] = {
        "slices_found": int(masks[0].any(0).any(0).sum()),
        "rays": rays,
        "dice_of_masks": round(agreement, 5),
    }
    if organs is not None:
        more["dsc_change"] = dsc_change(Path(organs), net, counted.network, inferer)
    if not agreement >= LEAST_DICE[precision]:
        raise SystemExit(f"the mask differs from that of the plain network: Dice {agreement:.4f}")
    print(f"{more['slices_found']} of {slices} slices: {ours:.2f} s, the plain network {baseline:.2f} s")
    name, error = f"click_{slices}x{size}_{precision}", float((found - expected)[:, 0].abs().max())
    print(json.dumps(figures(name, ours, limit, peak, runtime, precision, baseline, error, **more)))


def clicked_volume(size: int, slices: int) -> Tensor:
    """(1, 3, size, size, slices): a bright organ through all slices, noise, and a click in the middle."""
    generator = torch.Generator().manual_seed(0)
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    volume = torch.zeros(1, 3, size, size, slices)
    for index in range(slices):
        turn, radius = torch.tensor(0.1 * index), 22 - 4 * abs(2 * index / slices - 1)
        away = ((row - size // 2 - 3 * turn.sin()) ** 2 + 1.3 * (column - size // 2 - 3 * turn.cos()) ** 2).sqrt()
        volume[0, 0, ..., index] = torch.sigmoid(radius - away)
    volume[:, 0] += 0.15 * torch.randn(volume[:, 0].shape, generator=generator)
    volume[0, 1, size // 2, size // 2, slices // 2] = 1
    return volume


def ray_operations(steps: int) -> float:
    """What one ray of the network needs."""
    net, rays = SeqPatchNet().to("meta"), len(DIRECTIONS)
    return operations(net, torch.empty(rays, steps, 32, 32, device="meta")) / rays


def dsc_change(folder: Path, net: nn.Module, ours: nn.Module, inferer: ClickInferer) -> float:
    """Mean Dice of one click on real slices, ours less the float32 network's."""
    from one_click import measure

    cases = find_cases(folder)
    means = [measure(cases, one, inferer, (0,), folder.name)["dsc"]["0"]["mean"] for one in (ours, net)]
    return round(means[0] - means[1], 5)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
