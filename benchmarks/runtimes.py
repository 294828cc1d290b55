"""What could compute the networks on a CPU, side by side: torch, torch.compile, ONNX Runtime, OpenVINO.

    python benchmarks/runtimes.py [--size 256] [--patches 8]

Crossover-Net judges every pixel of a slice, the other network the rays of one click. All answer the same input,
and have to give the same numbers, in float32. The results file holds for each the seconds of an answer, those of
the first (what a new size of input costs), and the largest difference from the plain network.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fire
import torch
from limit import timed
from machine import threads, versions
from torch import Tensor, nn

from patchseg.bundles import bundle_root
from patchseg.crossover import CrossoverNet
from patchseg.errors import InputError, show_as_sentence
from patchseg.export.formats import load, onnx
from patchseg.files import whole_file
from patchseg.runtimes import at_runtime
from patchseg.seqpatch import DIRECTIONS, SeqPatchNet
from patchseg.weights import load_weights

TOLERANCE = 1e-4  # of the largest logit


def main(size: int = 256, patches: int = 8, seconds: float = 10.0, results: str = "results/runtimes.json") -> None:
    """Time each, compare their answers, write the results file.

    Args:
        size: rows and columns of the slice. patches: on each ray.
        seconds: how long each is repeated, at least once.
        results: the file to write.
    """
    if any(not isinstance(number, int) or number < 1 for number in (size, patches)):
        raise InputError(f"size is {size} and patches {patches}: give whole numbers from 1.")
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    tasks = {
        "every_pixel": (CrossoverNet(), "crossover_kidney", torch.rand(1, 1, size, size)),
        "click": (SeqPatchNet(), "seqpatch_prostate", torch.rand(len(DIRECTIONS), patches, 32, 32)),
    }
    found = {}
    for task, (network, bundle, inputs) in tasks.items():
        net = load_weights(network, bundle_root(bundle) / "models" / "model.pt").eval()
        expected = net(inputs).detach()  # with gradients, so in its plain form
        found[task] = {"input": list(inputs.shape)}
        for name, start in RUNTIMES.items():
            found[task][name] = measure(start, net, inputs, expected, seconds)
            print(f"{task}, {name}: {found[task][name]}", flush=True)
    about = {"benchmark": "runtimes", "threads": threads(), "versions": versions()}
    path = Path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps({"about": about, "tasks": found}, indent=1) + "\n")
    print(path)


def measure(
    start: Callable[[nn.Module, Tensor], Callable[[Tensor], Tensor]],
    net: nn.Module,
    inputs: Tensor,
    expected: Tensor,
    seconds: float,
) -> dict[str, Any] | str:
    """Seconds, seconds to the first answer and largest error of a runtime; or why it cannot be had here."""
    begun = time.perf_counter()
    with torch.inference_mode():
        try:
            network = start(net, inputs)
            network(inputs)
        except Unavailable as error:
            return str(error)
        first = time.perf_counter() - begun
        taken, answer = timed(lambda: network(inputs), seconds)
    error = float((answer - expected).abs().max())
    if error > TOLERANCE * float(expected.abs().max()):
        raise SystemExit(f"{start.__name__} differs from the plain network by {error}")
    return {"seconds": round(taken, 4), "first_s": round(first, 2), "max_error": error}


class Unavailable(Exception):
    """A runtime that this machine lacks; says what is missing."""


def _torch(net: nn.Module, inputs: Tensor) -> Callable[[Tensor], Tensor]:
    return at_runtime(net, "torch")


def _compiled(net: nn.Module, inputs: Tensor) -> Callable[[Tensor], Tensor]:
    import torch._inductor.config  # late, like the next: it takes seconds
    from torch._inductor.exc import InvalidCxxCompiler

    network = torch.compile(net)
    try:
        with torch._inductor.config.patch(force_disable_caches=True):  # as on a machine that has not met it
            network(inputs)
    except InvalidCxxCompiler as error:
        raise Unavailable("needs a C++ compiler, which this machine lacks") from error
    return network


def _onnx_runtime(net: nn.Module, inputs: Tensor) -> Callable[[Tensor], Tensor]:
    with torch.inference_mode(False), torch.no_grad():
        return load("onnx", onnx(torch.export.export(net, (inputs.clone(),))))


def _openvino(net: nn.Module, inputs: Tensor) -> Callable[[Tensor], Tensor]:
    return at_runtime(net, "openvino")


RUNTIMES = {"torch": _torch, "torch.compile": _compiled, "ONNX Runtime": _onnx_runtime, "OpenVINO": _openvino}


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
