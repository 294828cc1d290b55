"""Weights into a network: strictly, on any device, and with a sentence when they do not belong together."""

import pickle
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import torch

from patchseg.checksums import is_written, read_checked, write_checked
from patchseg.errors import InputError
from patchseg.licence import say_licence

Network = TypeVar("Network", bound=torch.nn.Module)


def load_weights(network: Network, path: str | Path) -> Network:
    """Load a state dict into `network`, in place, and return it.

    The file holds a plain state dict or a training checkpoint {"model": state dict, ...}. It is read with
    `weights_only=True` (a downloaded file cannot run code) and onto the CPU, so weights saved on a GPU load
    anywhere; the copy into the network keeps the network's device. Where `<path>.sha256` lies beside it, the file
    has to be the one that was written for. Weights under a non-commercial licence say so, see `patchseg.licence`.

    Raises:
        InputError: no such file, one its SHA-256 does not belong to, no weights in it, another network's, or NaN.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "model.pt"
    >>> save_weights(torch.nn.Linear(2, 1), path)
    >>> load_weights(torch.nn.Linear(2, 1), path)
    Linear(in_features=2, out_features=1, bias=True)
    """
    path = Path(path)
    weights = _read(path)
    differences = _differences(network.state_dict(), weights)
    if differences:
        raise InputError(
            f"{path} is a checkpoint of another network ({differences}): "
            "give the weights that belong to this configuration, or retrain."
        )
    wrong = next((name for name, values in weights.items() if not torch.isfinite(values).all()), None)
    if wrong is not None:
        raise InputError(
            f"{path} holds NaN or infinite values in {wrong}: train again, or copy the weights again."
        )
    network.load_state_dict(weights)
    say_licence(path.absolute())
    return network


def save_weights(network: torch.nn.Module, path: str | Path) -> None:
    """Write a network's state dict and, beside it, its SHA-256, for `load_weights`.

    So weights trained into a bundle's models/ replace its old SHA-256 too. The same weights give the same bytes.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_checked(path, _as_bytes(network))


def saved_as(network: torch.nn.Module, path: str | Path) -> bool:
    """Whether `save_weights` has written this network's weights to `path`, to the end.

    >>> import tempfile
    >>> network, path = torch.nn.Linear(2, 1), Path(tempfile.mkdtemp()) / "model.pt"
    >>> save_weights(network, path)
    >>> saved_as(network, path), saved_as(torch.nn.Linear(2, 1), path)
    (True, False)
    """
    return is_written(path, _as_bytes(network))


def _as_bytes(network: torch.nn.Module) -> bytes:
    weights = _plain(network)
    for name, values in weights.items():
        weights[name] = values.cpu()  # what a GPU trained has to open where there is none
    buffer = BytesIO()
    torch.save(weights, buffer)
    return buffer.getvalue()


def _plain(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The state dict with ordinary weights, also where training writes them in another way (`parametrize`)."""
    weights = network.state_dict()
    for key in [key for key in weights if ".parametrizations." in key]:
        owner, _, rest = key.partition(".parametrizations.")
        name = rest.split(".")[0]
        weights[f"{owner}.{name}"] = getattr(network.get_submodule(owner), name).detach()
        del weights[key]
    return weights


def _read(path: Path) -> Mapping[str, torch.Tensor]:
    if not path.is_file():
        raise InputError(f"there are no weights at {path}: train the bundle first or copy its model.pt there.")
    try:
        checked = read_checked(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check who may read it.") from error
    try:
        content: Any = torch.load(BytesIO(checked), map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        raise InputError(
            f"{path} cannot be read as weights: save a state dict with torch.save(network.state_dict(), path)."
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not content or not all(map(torch.is_tensor, content.values())):
        raise InputError(f"{path} holds no state dict: save torch.save(network.state_dict(), path).")
    return content


def _differences(wanted: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> str:
    """The first difference in words, with the count of the rest; empty when the two fit."""
    found = [f"{k} is missing" for k in wanted if k not in given]
    found += [f"{k} is not in this network" for k in given if k not in wanted]
    found += [
        f"{k} has shape {tuple(given[k].shape)} instead of {tuple(wanted[k].shape)}"
        for k in wanted
        if k in given and given[k].shape != wanted[k].shape
    ]
    return found[0] + (f", and {len(found) - 1} more" if len(found) > 1 else "") if found else ""
