"""Crossover-Net at every pixel of a slice: the dense form against batches of patch pairs, in one run.

    python benchmarks/dense.py --size 512 [--stride 4]

The patch pairs of every pixel would take minutes, so a sample of them is run and extrapolated; at these pixels
both have to give the same logits. The last line printed is one JSON object.
"""

import json
import resource
import statistics
import time
from collections.abc import Callable

import fire
import torch

from patchseg.crossover import CrossoverNet, cross_patches
from patchseg.errors import InputError, show_as_sentence

BATCH = 256  # patch pairs at a time
TOLERANCE = 1e-3  # of the logits' own spread over the pixels: what float32 sums in another order may differ by


def main(size: int = 512, stride: int = 1, seconds: float = 10.0) -> None:
    """Time both, compare them, print the figures.

    Args:
        size: rows and columns of the slice.
        stride: judge every pixel (1), or every 2nd or 4th row and column.
        seconds: how long each of the two is repeated, at least once.
    """
    if not isinstance(size, int) or size < 1 or stride not in (1, 2, 4):
        raise InputError(f"size is {size} and stride {stride}: give a size from 1 and a stride of 1, 2 or 4.")
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    net, image = CrossoverNet().eval(), torch.rand(1, 1, size, size)
    with torch.inference_mode():
        net(image[..., :64, :64], stride)
        ours, dense = _timed(lambda: net(image, stride), seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before the patches add theirs
        pixels = _sample(size, stride)
        one_batch, expected = _timed(lambda: net.forward_patches(*cross_patches(image[0], pixels)), seconds)
    rows, columns = (pixels // stride).T
    found = dense[0, :, rows, columns].T
    baseline = one_batch * dense[0, 0].numel() / BATCH
    error = float((found - expected).abs().max())
    figures = {
        "name": f"crossover_dense_{size}" + (f"_stride{stride}" if stride > 1 else ""),
        "ours_s": round(ours, 4),
        "baseline_s": round(baseline, 2),
        "ratio": round(baseline / ours, 1),
        "max_error": error,
        "threads": torch.get_num_threads(),
        "runtime": f"torch {torch.__version__} eager, {image.device.type}",
        "peak_rss_mb": round(peak),
    }
    if error > TOLERANCE * float(expected.std(0).min()):
        raise SystemExit(f"the dense logits differ from those of the patch pairs by {error}")
    print(f"{dense[0, 0].numel()} pixels of {size} x {size}: dense {ours:.2f} s, patch pairs {baseline:.1f} s")
    print(json.dumps(figures))


def _sample(size: int, stride: int) -> torch.Tensor:
    """BATCH pixels of the lattice, (BATCH, 2) rows and columns, its four corners among them."""
    last = (size - 1) // stride
    corners = torch.tensor([[0, 0], [0, last], [last, 0], [last, last]])
    return torch.cat([corners, torch.randint(0, last + 1, (BATCH - len(corners), 2))]) * stride


def _timed(function: Callable[[], torch.Tensor], limit: float) -> tuple[float, torch.Tensor]:
    """Median seconds of one run, over as many runs as fit into `limit` (one to twenty), and what it returned."""
    taken: list[float] = []
    while not taken or (sum(taken) + taken[-1] < limit and len(taken) < 20):
        start = time.perf_counter()
        result = function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), result


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
