"""A network compiled by OpenVINO for the CPU, once for each shape of its input."""

import sys
import threading
import warnings
from collections import OrderedDict
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from monai.utils import convert_to_dst_type, convert_to_tensor
from torch import Tensor, nn

from patchseg.denormals import denormals_flushed
from patchseg.errors import InputError


def _without_reports() -> ModuleType:
    """The package openvino. Importing it reports itself, unless the package that would do that is missing."""
    sys.modules.setdefault("openvino_telemetry", None)
    return import_module("openvino")


openvino = _without_reports()
HINTS = {"float32": "f32", "bfloat16": "bf16"}
KEPT = 6  # compiled shapes; each holds its own copy of the weights and of the maps
ITEMS = 8  # of a batch at a time, the rays of a carried slice: batches of 8, 16, 48 then need one shape


class OpenVINO(nn.Module):
    """Runs a network in OpenVINO, see `at_runtime`.

    The first call with a new shape takes seconds more: torch.export follows the network, which computes nothing,
    and OpenVINO compiles what it did. The last few shapes are kept. Weights are read at that moment, and the
    network is put into evaluation mode.

    Raises:
        InputError: for an input that is not on the CPU.
    """

    def __init__(self, network: nn.Module, precision: str = "float32") -> None:
        super().__init__()
        self.network = network.eval()
        self.precision = precision
        self._compiled: OrderedDict[tuple, openvino.InferRequest] = OrderedDict()
        self._lock = threading.Lock()  # a request computes one input at a time

    def forward(self, image: Tensor, **options: Any) -> Tensor:
        if image.device.type != "cpu":
            raise InputError(
                f"runtime 'openvino' computes on the CPU, not on {image.device}: set device to 'cpu'."
            )
        parts = convert_to_tensor(image.detach(), track_meta=False).float().split(ITEMS)
        # OpenVINO computes in the thread that calls it, as that is set: with denormals up to 75 times slower
        with self._lock, denormals_flushed():
            found = torch.cat([self._infer(part, options) for part in parts])
        return convert_to_dst_type(found, image)[0]  # a MetaTensor stays one

    def _infer(self, part: Tensor, options: dict[str, Any]) -> Tensor:
        key = (tuple(part.shape), tuple(sorted(options.items())), torch.get_num_threads())
        if key not in self._compiled:
            self._compiled[key] = _compiled(self.network, part.shape, options, HINTS[self.precision])
        self._compiled.move_to_end(key)
        while len(self._compiled) > KEPT:
            self._compiled.popitem(last=False)
        return torch.from_numpy(self._compiled[key].infer([part.numpy()])[0])


@cache
def _core() -> openvino.Core:
    """One for the whole process, never given back.

    Where the processor has AMX, each core's CPU plugin gives the thread a stack for signals, and puts back the
    one before when it goes. Of two that do not go in the reverse order of their coming, the second puts back a
    stack that is freed, and the next signal handled (that a loading process has ended) kills this process.
    """
    return openvino.Core()


class _Called(nn.Module):
    """A network with its options given."""

    def __init__(self, network: nn.Module, options: dict[str, Any]) -> None:
        super().__init__()
        self.network = network
        self.options = options

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image, **self.options)


def _compiled(network: nn.Module, shape: torch.Size, options: dict[str, Any], hint: str) -> openvino.InferRequest:
    settings = {
        "INFERENCE_PRECISION_HINT": hint,  # otherwise OpenVINO itself takes bfloat16 where the processor has it
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
        "CPU_DENORMALS_OPTIMIZATION": True,  # for OpenVINO's own threads; for the caller's see below
    }
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")  # of how OpenVINO reads torch's trees
        program = torch.export.export(_Called(network, options), (torch.zeros(shape),))
        compiled = _core().compile_model(openvino.convert_model(program), "CPU", settings)
    return compiled.create_infer_request()
