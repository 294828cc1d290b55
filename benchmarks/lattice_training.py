"""Training pixels per second: the lattice against patch pairs, with the whole loss, in one run.

    python benchmarks/lattice_training.py [--size 256] [--precision bfloat16]

A step is forward, loss with the constraint term, and backward. The same pixels, drawn from one image, then have to
give the same gradients both ways. The last line printed is one JSON object.
"""

import json

import fire
import torch
from figures import figures
from limit import matrix_rate, operations, timed
from own_process import peak_rss_mb
from torch import Tensor, nn

from patchseg.crossover import CrossoverLoss, CrossoverNet, CrossoverOutput, LatticeNet, cross_patches, patch_pairs
from patchseg.errors import InputError, show_as_sentence
from patchseg.precision import at_precision

TOLERANCE = 1e-4  # of each gradient's largest number, in float32


class PairNet(nn.Module):
    """Patch pairs as the trainer would call them: side by side in one tensor, since `at_precision` passes one."""

    def __init__(self, net: CrossoverNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pairs: Tensor) -> CrossoverOutput:
        vertical, turned = pairs.unbind(1)
        return patch_pairs(self.net, vertical, turned.transpose(2, 3))


def main(
    size: int = 256, images: int = 1, pairs: int = 256, precision: str = "float32", seconds: float = 20.0
) -> None:
    """Time both, compare their gradients, print the figures.

    Args:
        size: rows and columns of an image.
        images: in a step.
        pairs: patch pairs in a step (the authors' program took 200).
        precision: "float32" or "bfloat16", for both.
        seconds: how long each of the two is repeated, at least once.
    """
    if min(size, images, pairs) < 1 or pairs > (-(-size // 4)) ** 2:
        raise InputError(f"size is {size}, images {images}, pairs {pairs}: give 1 or more, and pairs that fit in.")
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    net, loss = CrossoverNet(), CrossoverLoss()
    lattice, by_pairs = (at_precision(wrapped, precision) for wrapped in (LatticeNet(net), PairNet(net)))
    image = torch.rand(images, 1, size, size)
    target = torch.cat([(torch.rand_like(image) > 0.5).float(), torch.ones_like(image)], 1)
    pixels, drawn = _drawn(pairs, target)
    patches = _patches(image, pixels)
    labels = target[0, :1, pixels[:, 0], pixels[:, 1]].T[..., None, None]

    def lattice_step(wanted: Tensor = target) -> list[Tensor]:
        return _gradients(net, loss(lattice(image), wanted))

    def pair_step() -> list[Tensor]:
        return _gradients(net, loss(by_pairs(patches), labels))

    lattice_step()
    per_step, _ = timed(lattice_step, seconds)
    peak = peak_rss_mb()  # before the patches add theirs
    per_pairs, expected = timed(pair_step, seconds)
    error = max(
        float((one - other).abs().max() / other.abs().max())
        for one, other in zip(lattice_step(drawn), expected, strict=True)
    )
    if precision == "float32" and not error <= TOLERANCE:  # nor where it is no number
        raise SystemExit(f"the gradients differ from those of the patch pairs by {error} of their largest number")
    judged = images * (-(-size // 4)) ** 2
    baseline = per_pairs * judged / pairs
    limit = operations(lattice_step) / matrix_rate(precision)
    print(f"{judged / per_step:.0f} training pixels a second, {pairs / per_pairs:.0f} patch pairs ({precision})")
    name = f"crossover_training_{size}_{precision}"
    print(json.dumps(figures(name, per_step, limit, peak, "torch", precision, baseline, error)))


def _drawn(pairs: int, target: Tensor) -> tuple[Tensor, Tensor]:
    """(pairs, 2) lattice pixels of the first image, and the target with weight at these alone."""
    side = -(-target.shape[2] // 4)
    places = torch.randperm(side * side)[:pairs]
    pixels = 4 * torch.stack([places // side, places % side], 1)
    drawn = target.clone()
    drawn[:, 1] = 0
    drawn[0, 1, pixels[:, 0], pixels[:, 1]] = 1
    return pixels, drawn


def _patches(image: Tensor, pixels: Tensor) -> Tensor:
    """(N, 2, 1, 100, 20): vertical patches, and horizontal ones turned."""
    vertical, horizontal = cross_patches(image[0], pixels)
    return torch.stack([vertical, horizontal.transpose(2, 3)], 1)


def _gradients(net: CrossoverNet, loss: Tensor) -> list[Tensor]:
    net.zero_grad()
    loss.backward()
    return [parameter.grad.clone() for parameter in net.parameters()]


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
