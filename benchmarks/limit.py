"""What the machine allows: operations a computation needs, over the rate of a large matrix product.

Seconds below `operations / matrix_rate` would take a cleverer algorithm or another machine. Networks do more than
multiply, so 85 % of it is good.
"""

import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

Result = TypeVar("Result")
SIZE = 2048  # rows and columns of the product: its matrices are far larger than the caches near a core


def matrix_rate(precision: str = "float32", seconds: float = 2.0) -> float:
    """Operations per second of a product of two square matrices, with torch's present number of threads.

    Each of the n^3 multiplications and each of the n^3 additions counts as one operation.

    Args:
        precision: "float32" or "bfloat16".
        seconds: how long the product is repeated; the median counts.
    """
    dtype = getattr(torch, precision)
    one, other = torch.rand(2, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).to(dtype)
    out = torch.empty(SIZE, SIZE, dtype=dtype)
    torch.mm(one, other, out=out)  # the first product also packs and allocates
    taken, _ = timed(lambda: torch.mm(one, other, out=out), seconds, most=1000)
    return 2 * SIZE**3 / taken


def operations(function: Callable[..., Any], *inputs: Any, **options: Any) -> int:
    """Multiplications and additions of convolutions and matrix products in one call, backward passes included.

    torch counts them while the function runs. A network and an input on the device "meta" have shapes and no
    numbers: there the count costs nothing.

    >>> layer = torch.nn.Conv2d(1, 2, 3, device="meta")
    >>> operations(layer, torch.empty(1, 1, 12, 12, device="meta"))  # 2 x 10 x 10 pixels, 9 products and sums each
    3600
    """
    # the counter follows graphs, which torch builds with gradients only
    with FlopCounterMode(display=False) as counter, torch.inference_mode(False), torch.enable_grad():
        function(*inputs, **options)
    return counter.get_total_flops()


def timed(function: Callable[[], Result], seconds: float, most: int = 20) -> tuple[float, Result]:
    """Median seconds of a call, over as many as fit into `seconds` (one to `most`), and what the last returned."""
    taken: list[float] = []
    while not taken or (sum(taken) + taken[-1] < seconds and len(taken) < most):
        start = time.perf_counter()
        result = function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), result


def runtime_used(runtime: str, precision: str) -> str:
    """What computed, with its version.

    >>> runtime_used("torch", "float32") == f"torch {torch.__version__} eager, cpu, float32"
    True
    """
    how = " eager" if runtime == "torch" else ""
    return f"{runtime} {version(runtime)}{how}, cpu, {precision}"
