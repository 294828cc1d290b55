"""A network as the bytes of a file, and a file's bytes as a network again."""

import importlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import torch
from monai.data import save_net_with_metadata
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from patchseg.crossover import CrossoverNet
from patchseg.errors import InputError

from .plain import plain

Run = Callable[[Tensor], Tensor]
INPUT, OUTPUT = "image", "pred"


def torchscript(network: nn.Module, metadata: Mapping[str, Any], inference: Mapping[str, Any]) -> bytes:
    """TorchScript of the network as it is.

    The bundle's metadata and inference config lie inside, where MONAI's `ckpt_export` puts them.
    """
    buffer = BytesIO()
    with _quiet():
        script = torch.jit.script(network.eval())
    config = {"inference.json": json.dumps(inference).encode()}
    save_net_with_metadata(script, buffer, meta_values=dict(metadata), more_extra_files=config)
    return buffer.getvalue()


def exported_program(network: nn.Module) -> ExportedProgram:
    """torch.export of the network with every size open that may differ from input to input."""
    if isinstance(network, CrossoverNet):
        example, names = torch.zeros(2, 1, 37, 46), {0: "slices", 2: "rows", 3: "columns"}
    else:
        example, names = torch.zeros(3, 5, 32, 32), {0: "rays", 1: "patches"}
    open_sizes = {axis: Dim(name, min=1) for axis, name in names.items()}
    with torch.no_grad(), _quiet():
        return torch.export.export(plain(network), (example,), dynamic_shapes=(open_sizes,))


def pt2(program: ExportedProgram) -> bytes:
    """The file of `torch.export.save`."""
    buffer = BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def onnx(program: ExportedProgram) -> bytes:
    """ONNX, the weights inside."""
    with _quiet():
        written = torch.onnx.export(
            program, input_names=[INPUT], output_names=[OUTPUT], dynamo=True, verbose=False
        )
    return written.model_proto.SerializeToString()


def load(ending: str, content: bytes) -> Run:
    """The network in a file's bytes, to be called with a tensor.

    Args:
        ending: "ts", "pt2" or "onnx".

    Raises:
        InputError: ONNX without onnxruntime, see `check_onnx`.
    """
    if ending == "ts":
        return torch.jit.load(BytesIO(content), map_location="cpu").eval()
    if ending == "pt2":
        return torch.export.load(BytesIO(content)).module()
    check_onnx()
    runtime = importlib.import_module("onnxruntime")
    runtime.set_default_logger_severity(3)  # it warns of constants that its own optimiser made superfluous
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda image: torch.from_numpy(session.run([OUTPUT], {INPUT: image.numpy()})[0])


def check_onnx() -> None:
    """Whether ONNX can be written and checked here.

    Raises:
        InputError: a package of the extra is missing.
    """
    missing = next((name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None), None)
    if missing:
        raise InputError(f"ONNX needs {missing}, which is not installed: pip install 'patchseg[export]'.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Exporters talk of their own insides: deprecations, packages they could also have read, folded constants."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
