"""From clicks to probabilities, slice by slice."""

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from .network import PATCH
from .rays import DIRECTIONS, EIGHT, extract_patches, patch_centres, stitch_patches

BEYOND = 8  # pixels that a carried slice's rays see further than its object can reach
SHORTEST = 4  # patches on them
DOUBT = 0.1  # where the mean probability exceeds this, some patches saw foreground


class SliceAnswer(NamedTuple):
    """What the network says of N slices.

    Attributes:
        probability: (N, H, W) float32 in 0..1, mean over the patches that cover a pixel; 0 where none does.
        confidence: (N,) in 0..1: how far the covering patches agree, averaged over the pixels that any of
            them took for the object. 1: all patches say the same; 0: undecided, or no object found.
    """

    probability: Tensor
    confidence: Tensor


def judge_slices(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    clicks: Tensor,
    steps: int = 8,
    stride: int = 4,
    directions: Sequence[Sequence[int]] = DIRECTIONS,
    seen: int | None = None,
) -> SliceAnswer:
    """Sixteen rays from one click in each slice, through the network in one batch (Sequential patches, 3).

    Args:
        network: (rays, T, 32, 32) -> logits of that shape, such as `SeqPatchNet`.
        images: (N, H, W), any scale of intensities.
        clicks: (N, 2) row and column.
        steps: patches per ray, T.
        stride: pixels from one patch to the next.
        directions: of the rays, (row, column).
        seen: pixels around the click that set the scale, see `normalise_around`; steps * stride unless given.
    """
    centres = patch_centres(clicks, steps, stride, directions)
    scaled = normalise_around(images, clicks, seen or steps * stride)
    patches = extract_patches(scaled, centres)
    slices, rays = patches.shape[:2]
    logits = network(patches.flatten(0, 1)).unflatten(0, (slices, rays))
    probability, _ = stitch_patches(torch.sigmoid(logits.float()), centres, images.shape[-2:])
    return SliceAnswer(probability, agreement(probability))


def judge_carried(
    network: Callable[[Tensor], Tensor],
    images: Tensor,
    clicks: Tensor,
    steps: int = 8,
    stride: int = 4,
    reach: Sequence[float] = (),
) -> SliceAnswer:
    """`judge_slices` for slices that a mask was carried to: eight rays, no longer than that mask can grow.

    Where the object about lies is known there. The oblique rays between the eight, whose patches lie up to twice
    as far out, and patches far beyond the object's end tell more of its surroundings than of it. Without them it
    takes less than half of the time; `benchmarks/click_volumes.py --every_ray` measures with them.

    Args: as in `judge_slices`, and
        reach: (N,) rows or columns from each click to the last pixel that can belong to the object. Rays go on
            until their patches cover `BEYOND` pixels more, after an even number of patches: a runtime then meets
            few shapes.
    """
    enough = [2 * ceil((last + BEYOND - PATCH // 2) / stride / 2) for last in reach] or [steps] * len(clicks)
    lengths = torch.tensor(enough).clamp(min=min(SHORTEST, steps), max=steps)
    probability, confidence = torch.zeros(images.shape, device=images.device), torch.zeros(len(images))
    for length in lengths.unique().tolist():
        here = lengths == length
        found = judge_slices(network, images[here], clicks[here], length, stride, EIGHT, steps * stride)
        probability[here], confidence[here] = found.probability, found.confidence.cpu()
    return SliceAnswer(probability, confidence)


def normalise_around(images: Tensor, clicks: Tensor, reach: int) -> Tensor:
    """Shift and scale each slice to mean 0 and standard deviation 1 of what the straight rays can see.

    Scanners, windows and cut-outs change the scale of intensities, and what lies far from the object should not
    matter: so the square of `reach` + 16 pixels around the click sets the scale. A constant square gives zeros.

    Args:
        images: (N, H, W). clicks: (N, 2) row and column. reach: pixels from the click to the last patch centre.
    """
    half = reach + PATCH // 2
    scaled = []
    for image, (row, column) in zip(images.float(), clicks.round().long().tolist(), strict=True):
        seen = image[max(row - half, 0) : row + half, max(column - half, 0) : column + half]
        scaled.append((image - seen.mean()) / seen.std().clamp(min=1e-6))
    return torch.stack(scaled)


def agreement(probability: Tensor) -> Tensor:
    """How decided a mean probability (N, H, W) is, where any patch took a pixel for the object: (N,) in 0..1."""
    doubted = (probability > DOUBT).float()
    decided = (2 * probability - 1).abs() * doubted
    return decided.sum((1, 2)) / doubted.sum((1, 2)).clamp(min=1)
