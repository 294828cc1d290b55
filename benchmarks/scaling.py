"""How the cost grows: with the size of the image, with the patches on a ray, and with the number of slices.

    python benchmarks/scaling.py [--quick]

Seconds are fitted by a power of the amount: 1 is linear; it is less while a constant part, such as the zeros
around an image, still weighs. The last line printed is one JSON object; `growth` holds for each of the three the
amounts, the seconds and the exponent. Its `ours_s` is the largest image's, and there is no baseline.
"""

import json
from collections.abc import Callable, Sequence

import fire
import numpy as np
import torch
from figures import figures
from limit import matrix_rate, operations, timed
from own_process import peak_rss_mb
from peers import STEPS, clicked_volume, sure

from patchseg.crossover import CrossoverNet
from patchseg.errors import show_as_sentence
from patchseg.runtimes import at_runtime, fast_runtime
from patchseg.seqpatch import DIRECTIONS, ClickInferer, SeqPatchNet

SIZES = (128, 256, 384, 512)
PATCHES = (4, 8, 12, 16, 24)
SLICES = (4, 8, 16, 32)


def main(quick: bool = False, runtime: str | None = None, seconds: float = 5.0) -> None:
    """Measure, fit, print the figures.

    Args:
        quick: two small amounts of each.
        runtime: "torch" or "openvino"; None takes torch for the image (see `dense.py`), and for the rays OpenVINO,
            where it is installed.
        seconds: how long each amount is repeated, at least once.
    """
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    sizes, patches, slices = ((16, 32), (1, 2), (2, 4)) if quick else (SIZES, PATCHES, SLICES)
    dense = at_runtime(CrossoverNet().eval(), runtime or "torch")
    rays = at_runtime(SeqPatchNet().eval(), runtime or fast_runtime())
    inferer = ClickInferer(1 if quick else STEPS, coarsest=1, longest=1e9)
    side = 96 if quick else 320

    def judge_image(size: int) -> Callable[[], torch.Tensor]:
        image = torch.rand(1, 1, size, size)
        return lambda: dense(image)

    def judge_rays(steps: int) -> Callable[[], torch.Tensor]:
        read = torch.rand(len(DIRECTIONS), steps, 32, 32)
        return lambda: rays(read)

    def judge_volume(count: int) -> Callable[[], torch.Tensor]:
        volume = clicked_volume(side, count)
        return lambda: inferer(volume, sure(rays))

    with torch.inference_mode():
        growth = {
            "pixels of an image": _growth(sizes, judge_image, seconds, lambda size: size**2),
            "patches on a ray": _growth(patches, judge_rays, seconds),
            "slices of a volume": _growth(slices, judge_volume, seconds),
        }
    largest = growth["pixels of an image"]["seconds"][-1]
    image = torch.empty(1, 1, sizes[-1], sizes[-1], device="meta")
    limit = operations(CrossoverNet().to("meta"), image) / matrix_rate()
    print(", ".join(f"{name}: to the power of {found['exponent']:.2f}" for name, found in growth.items()))
    print(json.dumps(figures("scaling", largest, limit, peak_rss_mb(), runtime or "torch", growth=growth)))


def _growth(
    sizes: Sequence[int],
    judge: Callable[[int], Callable[[], torch.Tensor]],
    seconds: float,
    amount: Callable[[int], int] = int,
) -> dict[str, list[float] | float]:
    """Amounts, median seconds of each, and the exponent that fits them best."""
    taken: list[float] = []
    for size in sizes:
        function = judge(size)
        function()  # compiles, or warms up
        taken.append(round(timed(function, seconds)[0], 5))
    amounts = [amount(size) for size in sizes]
    return {"amounts": amounts, "seconds": taken, "exponent": round(exponent(amounts, taken), 3)}


def exponent(amounts: Sequence[float], seconds: Sequence[float]) -> float:
    """Of the power of the amounts that fits the seconds best: the slope between their logarithms.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    return float(np.polyfit(np.log(amounts), np.log(seconds), 1)[0])


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
