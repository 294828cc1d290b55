"""One key chooses what computes a network; whatever it names, the network is called as before."""

from importlib.util import find_spec

from torch import nn

from patchseg.errors import InputError
from patchseg.precision import PRECISIONS, at_precision

RUNTIMES = ("torch", "openvino")


def at_runtime(network: nn.Module, runtime: str = "torch", precision: str = "float32") -> nn.Module:
    """`network` as something else computes it, called like the network.

    Args:
        network: in "openvino" takes one tensor whose items it treats apart (the first axis), and returns one.
        runtime: "torch" is `patchseg.precision.at_precision` and nothing more, on any device. "openvino" compiles
            the network for the CPU, for inference only: several times faster, the same numbers to float rounding.
        precision: "float32" or "bfloat16".

    Raises:
        InputError: for another runtime or precision, or one that is not installed.

    >>> layer = nn.Conv2d(1, 2, 1)
    >>> at_runtime(layer) is layer
    True
    """
    if runtime not in RUNTIMES:
        raise InputError(f"runtime is {runtime!r}: give one of {', '.join(RUNTIMES)}.")
    if runtime == "torch":
        return at_precision(network, precision)
    if precision not in PRECISIONS:
        raise InputError(f"precision is {precision!r}: give one of {', '.join(PRECISIONS)}.")
    if find_spec("openvino") is None:
        raise InputError("runtime 'openvino' is not installed: pip install 'patchseg[openvino]', or take 'torch'.")
    from .openvino_cpu import OpenVINO  # late: an optional extra

    return OpenVINO(network, precision)


def fast_runtime() -> str:
    """The runtime to take where speed counts: "openvino" where it is installed, else "torch"."""
    return "openvino" if find_spec("openvino") else "torch"
