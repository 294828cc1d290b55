"""A bundle's network in every format, each file with its contract and SHA-256, none of them unchecked."""

import json
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from patchseg.checksums import write_checked
from patchseg.errors import InputError
from patchseg.files import whole_file
from patchseg.licence import licence_of
from patchseg.weights import load_weights

from .contract import contract
from .formats import check_onnx, exported_program, load, onnx, pt2, torchscript
from .parity import compare, phantom_slice

FORMATS = {"ts": "TorchScript", "pt2": "torch.export", "onnx": "ONNX"}


def export_bundle(root: str | Path, folder: str | Path, overwrite: bool = False) -> list[Path]:
    """Write `<name>_v<version>.ts`, `.pt2` and `.onnx`, each with `.sha256` and its contract `.json` beside it.

    Sizes stay open: rows, columns and slices of a Crossover-Net; rays and patches of sequential patches. Before a
    file is written its content is loaded again and compared with the bundle's network on a slice of a phantom:
    logits within 1e-4 (or, where they exceed 20, within 5e-6 of the largest), the same mask.

    The contract says what has to be done before and after the network: axes, grid, intensities, every step.

    Raises:
        InputError: the extra is not installed, the bundle or its weights cannot be used, a file exists and
            `overwrite` is False, or an exported network does not give what the bundle's own gives.
    """
    root, folder = Path(root), Path(folder)
    check_onnx()
    parser = read_bundle(root)
    metadata, weights = parser["_meta_"], root / "models" / "model.pt"
    network = load_weights(parser.get_parsed_content("network_def"), weights).eval()
    stem = f"{root.name}_v{metadata['version']}"
    for ending in FORMATS:
        if (folder / f"{stem}.{ending}").exists() and not overwrite:
            raise InputError(f"{folder / stem}.{ending} exists: name another folder or add --overwrite.")
    inference = json.loads((root / "configs" / "inference.json").read_text())
    program = exported_program(network)
    contents = {
        "ts": torchscript(network, metadata, inference),
        "pt2": pt2(program),
        "onnx": onnx(program),
    }
    about = contract(parser, network)
    with tempfile.TemporaryDirectory() as scratch:
        record = phantom_slice(parser, scratch)
        found = {ending: compare(parser, network, load(ending, data), record) for ending, data in contents.items()}
    for ending, parity in found.items():
        if parity["largest_difference"] > parity["tolerance"] or parity["different_voxels"]:
            raise InputError(
                f"{FORMATS[ending]} of {root.name} differs from its network, nothing written: {parity}."
            )
    source = {
        "bundle": root.name,
        "version": metadata["version"],
        "task": metadata["task"],
        "intended_use": metadata["intended_use"],
        "weights_license": licence_of(weights),
        "weights_sha256": sha256(weights.read_bytes()).hexdigest(),
        "made_with": {"torch": torch.__version__},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / f"{stem}.{e}", contents[e], source, about, found[e]) for e in FORMATS]
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}): name another folder.") from error


def read_bundle(root: Path) -> ConfigParser:
    """A bundle's inference.json with its metadata."""
    parser = ConfigParser()
    parser.read_config(root / "configs" / "inference.json")
    parser.read_meta(root / "configs" / "metadata.json")
    parser["bundle_root"] = str(root)
    return parser


def _write(
    path: Path, content: bytes, source: dict[str, Any], about: dict[str, Any], parity: dict[str, Any]
) -> Path:
    write_checked(path, content)
    head = {"file": path.name, "format": FORMATS[path.suffix[1:]], "sha256": sha256(content).hexdigest()}
    tail = {"parity": {"with": "the bundle's weights, on a slice of a phantom", **parity}}
    with whole_file(path.with_name(f"{path.name}.json")) as temporary:
        temporary.write_text(json.dumps(head | source | about | tail, indent=4, ensure_ascii=False) + "\n")
    return path
