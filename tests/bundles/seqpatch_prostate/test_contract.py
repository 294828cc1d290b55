"""What MONAI asks of a bundle, asked through its own commands."""

import json
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
from monai.bundle import (
    ConfigParser,
    ConfigWorkflow,
    ckpt_export,
    onnx_export,
)
from monai.data import load_net_with_metadata

sys.path.insert(0, str(Path(__file__).parent))
from click_program import CONFIGS, TINY, tiny_network

from patchseg.seqpatch import SeqPatchNet
from patchseg.weights import load_weights

METADATA = json.loads((CONFIGS / "metadata.json").read_text())
FILES = {"meta_file": str(CONFIGS / "metadata.json"), "config_file": str(CONFIGS / "inference.json")}
TINY_NETWORK = {key: TINY[key] for key in ("recurrence", "network_def#channels")}


def network(output: Path) -> SeqPatchNet:
    return load_weights(tiny_network(), output / "model.pt").eval()


def patches(rays: int, steps: int) -> torch.Tensor:
    return torch.randn(rays, steps, 32, 32, generator=torch.Generator().manual_seed(rays))


@pytest.fixture(scope="module")
def exports(tmp_path_factory, trained):
    """The tiny network exported by MONAI's commands."""
    folder = tmp_path_factory.mktemp("exports")
    given = {"net_id": "network_def", "ckpt_file": str(trained / "model.pt"), **FILES, **TINY_NETWORK}
    ckpt_export(filepath=str(folder / "model.ts"), **given)
    onnx_export(filepath=str(folder / "model.onnx"), input_shape=[1, 8, 32, 32], **given)
    return folder


def test_torchscript_equals_the_network_and_carries_its_files(exports, trained):
    script, metadata, extra = load_net_with_metadata(exports / "model.ts", more_extra_files=["inference.json"])
    for rays, steps in ((16, 8), (3, 5)):  # the recurrence stays a loop in TorchScript
        with torch.no_grad():
            torch.testing.assert_close(
                script(patches(rays, steps)), network(trained)(patches(rays, steps)), rtol=0, atol=1e-5
            )
    assert metadata["network_data_format"] == METADATA["network_data_format"]
    assert json.loads(extra["inference.json"])["inferer"]["_target_"] == "patchseg.seqpatch.ClickInferer"


def test_onnx_equals_the_network(exports, trained):
    session = onnxruntime.InferenceSession(exports / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: patches(1, 8).numpy()})
    with torch.no_grad():
        expected = network(trained)(patches(1, 8))
    torch.testing.assert_close(torch.from_numpy(logits), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("config", "kind"), [("train", "train"), ("evaluate", "infer"), ("inference", "infer")])
def test_no_property_is_missing(tmp_path, data, trained, quiet, config, kind):
    settings = {"dataset_dir": str(data), "output_dir": str(tmp_path / "output")}
    if config != "train":
        settings["checkpoint"] = str(trained / "model.pt")
    workflow = ConfigWorkflow(
        str(CONFIGS / f"{config}.json"), workflow_type=kind, logging_file=False, **TINY, **settings
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    assert workflow.bundle_root == str(CONFIGS.parent) and workflow.version == METADATA["version"]
    assert not (tmp_path / "output").exists()


def test_network_data_format_is_true():
    """One record of rays in and out, of the bundle's own network with as many patches as its configs say."""
    parser = ConfigParser()
    parser.read_config(CONFIGS / "inference.json")
    given, taken = METADATA["network_data_format"]["inputs"], METADATA["network_data_format"]["outputs"]
    assert list(given) == ["image"] and list(taken) == ["pred"]
    assert given["image"]["num_channels"] == taken["pred"]["num_channels"] == parser.get_parsed_content("steps")
    rays = torch.zeros(2, given["image"]["num_channels"], *given["image"]["spatial_shape"])
    with torch.no_grad():
        logits = parser.get_parsed_content("network_def")(rays)
    assert logits.shape == (2, taken["pred"]["num_channels"], *taken["pred"]["spatial_shape"])
    assert str(logits.dtype) == f"torch.{taken['pred']['dtype']}" == f"torch.{given['image']['dtype']}"


def test_documents_say_what_the_configs_say():
    """The settings of training with the defaults that they have."""
    text = (CONFIGS.parent / "docs" / "README.md").read_text()
    train = json.loads((CONFIGS / "train.json").read_text())
    for key in ("max_epochs", "slices_per_epoch", "learning_rate", "synthetic_share", "spacing"):
        row = next(line for line in text.splitlines() if line.startswith("|") and f"`{key}`" in line)
        assert f"{train[key]}" in row, row
