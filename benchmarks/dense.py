"""Crossover-Net at every pixel of a slice: the dense form against batches of patch pairs, in one run.

    python benchmarks/dense.py --size 512 [--stride 4] [--paper] [--runtime openvino] [--precision bfloat16]
    python benchmarks/dense.py --stride 4 --refine

The patch pairs of every pixel would take minutes, so a sample of them is run and extrapolated; at these pixels
both have to give the same logits. `--refine` is another comparison, on real slices: see `refined.py`. The last
line printed is one JSON object.
"""

import json

import fire
import torch
from figures import figures
from limit import matrix_rate, operations, timed
from own_process import peak_rss_mb
from refined import real_slices, refined

from patchseg.crossover import CrossoverNet, cross_patches
from patchseg.errors import InputError, show_as_sentence
from patchseg.runtimes import at_runtime, fast_runtime

BATCH = 256  # patch pairs at a time
TOLERANCE = 1e-3  # of the logits' own spread over the pixels: what float32 sums in another order may differ by
ROUNDED = 0.05  # of the largest logit: what bfloat16's 8 bits may


def main(
    size: int = 512,
    stride: int = 1,
    paper: bool = False,
    refine: bool = False,
    runtime: str | None = None,
    precision: str = "float32",
    seconds: float = 10.0,
) -> None:
    """Time both, compare them, print the figures.

    Args:
        size: rows and columns of the slice.
        stride: judge every pixel (1), or every 2nd or 4th row and column.
        paper: the patch pairs judge one pixel in three each way, as the paper's protocol does; ours every pixel.
        refine: the lattice and then every pixel where its neighbours disagree, against every pixel.
        runtime: of ours, "torch" or "openvino"; None takes torch in float32, for which it has a form of its own
            (`patchseg.crossover.winograd`), and in bfloat16 OpenVINO where it is installed.
        precision: of ours, "float32" or "bfloat16"; the patch pairs are float32.
        seconds: how long each of the two is repeated, at least once.
    """
    if not isinstance(size, int) or size < 1 or stride not in (1, 2, 4):
        raise InputError(f"size is {size} and stride {stride}: give a size from 1 and a stride of 1, 2 or 4.")
    torch.set_flush_denormal(True)
    runtime = runtime or ("torch" if precision == "float32" else fast_runtime())
    if refine:
        found = refined(real_slices(), runtime, precision)
    else:
        found = dense(size, stride, paper, runtime, precision, seconds)
    print(json.dumps(found))


def dense(size: int, stride: int, paper: bool, runtime: str, precision: str, seconds: float) -> dict:
    """The figures of one slice of noise."""
    torch.manual_seed(0)
    net, image = CrossoverNet().eval(), torch.rand(1, 1, size, size)
    ours_net = at_runtime(net, runtime, precision)
    with torch.no_grad():
        ours_net(image, stride=stride)  # compiles, or warms up
        ours, logits = timed(lambda: ours_net(image, stride=stride), seconds)
        peak = peak_rss_mb()  # before the patches add theirs
        limit = dense_operations(size, stride) / matrix_rate(precision, min(seconds, 2.0))
        pixels = _sample(size, stride)
        one_batch, expected = timed(lambda: net.forward_patches(*cross_patches(image[0], pixels)), seconds)
    rows, columns = (pixels // stride).T
    error = float((logits[0, :, rows, columns].T - expected).abs().max())
    judged = (-(-size // 3)) ** 2 if paper else logits[0, 0].numel()
    baseline = one_batch * judged / BATCH
    rounded = precision == "bfloat16"
    if error > (ROUNDED * float(expected.abs().max()) if rounded else TOLERANCE * float(expected.std(0).min())):
        raise SystemExit(f"the dense logits differ from those of the patch pairs by {error}")
    print(f"{logits[0, 0].numel()} pixels: {ours:.2f} s; {judged} patch pairs: {baseline:.1f} s")
    marks = [f"stride{stride}"] * (stride > 1) + ["paper"] * paper + ["bf16"] * rounded
    marks += ["openvino"] * (runtime == "openvino" and not rounded)
    name = "_".join([f"crossover_dense_{size}", *marks])
    return figures(name, ours, limit, peak, runtime, precision, baseline, error)


def dense_operations(size: int, stride: int = 1) -> int:
    """What the dense form needs; it computes no map twice."""
    return operations(CrossoverNet().to("meta"), torch.empty(1, 1, size, size, device="meta"), stride=stride)


def _sample(size: int, stride: int) -> torch.Tensor:
    """BATCH pixels of the lattice, (BATCH, 2) rows and columns, its four corners among them."""
    last = (size - 1) // stride
    corners = torch.tensor([[0, 0], [0, last], [last, 0], [last, last]])
    return torch.cat([corners, torch.randint(0, last + 1, (BATCH - len(corners), 2))]) * stride


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
