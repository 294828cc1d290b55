"""What MONAI asks of a bundle, asked through its own commands."""

import json
import sys
from pathlib import Path

import onnxruntime
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.data import load_net_with_metadata

sys.path.insert(0, str(Path(__file__).parent))
from program import CONFIGS, TINY, end, overrides, start, tree

from patchseg.crossover import CrossoverNet
from patchseg.weights import load_weights

METADATA = json.loads((CONFIGS / "metadata.json").read_text())
FILES = overrides(meta_file=CONFIGS / "metadata.json", config_file=CONFIGS / "inference.json")


def network(output: Path) -> CrossoverNet:
    return load_weights(CrossoverNet(), output / "model.pt").eval()


@pytest.fixture(scope="module")
def commands(tmp_path_factory, trained):
    """MONAI's four commands for bundle makers, each as its own program."""
    folder, cwd = tmp_path_factory.mktemp("exports"), tmp_path_factory.mktemp("elsewhere")
    schema = overrides(
        meta_file=CONFIGS / "metadata.json", filepath=Path(__file__).parent / "metadata_schema.json"
    )
    weights = ["--net_id", "network_def", "--ckpt_file", trained / "model.pt", *FILES]
    asked = {
        "verify_metadata": schema,
        "verify_net_in_out": ["--net_id", "network_def", *FILES, "--any", "96"],
        "ckpt_export": [*weights, "--filepath", folder / "model.ts"],
        "onnx_export": [*weights, "--filepath", folder / "model.onnx", "--input_shape", "[1, 1, 96, 80]"],
    }
    programs = {name: start(name, *arguments, cwd=cwd) for name, arguments in asked.items()}
    return folder, cwd, {name: end(program) for name, program in programs.items()}


@pytest.mark.parametrize("name", ["verify_metadata", "verify_net_in_out", "ckpt_export", "onnx_export"])
def test_command_succeeds(commands, name):
    _, cwd, ended = commands
    assert ended[name].code == 0, ended[name].err
    assert tree(cwd) == []


def test_torchscript_equals_the_network_and_carries_its_files(commands, trained):
    folder, _, _ = commands
    image = torch.rand(2, 1, 70, 61, generator=torch.Generator().manual_seed(1))
    script, metadata, extra = load_net_with_metadata(folder / "model.ts", more_extra_files=["inference.json"])
    with torch.no_grad():
        torch.testing.assert_close(script(image), network(trained)(image), rtol=0, atol=1e-5)
    assert metadata["network_data_format"] == METADATA["network_data_format"]
    assert json.loads(extra["inference.json"]) == json.loads((CONFIGS / "inference.json").read_text())


def test_onnx_equals_the_network(commands, trained):
    folder, _, _ = commands
    image = torch.rand(1, 1, 96, 80, generator=torch.Generator().manual_seed(2))
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    with torch.no_grad():
        expected = network(trained)(image)
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


def test_network_data_format_is_true(data, trained):
    """What it says of inputs and outputs, on a real file and a side that is no round number."""
    parser = ConfigParser()
    parser.read_config(CONFIGS / "inference.json")
    parser.update(dict(TINY))
    given, taken = METADATA["network_data_format"]["inputs"], METADATA["network_data_format"]["outputs"]
    assert list(given) == ["image"] and list(taken) == ["pred"]
    preprocessing = parser.get_parsed_content("preprocessing")
    image = preprocessing({"image": str(data / "case_00000" / "imaging.nii.gz")})["image"]
    low, high = given["image"]["value_range"]
    assert image.shape[0] == given["image"]["num_channels"] == len(given["image"]["channel_def"])
    assert str(image.dtype) == f"torch.{given['image']['dtype']}"
    assert float(image.min()) == low and float(image.max()) <= high
    assert given["image"]["spatial_shape"] == taken["pred"]["spatial_shape"] == ["*", "*"]
    with torch.no_grad():
        logits = network(trained)(image[None, :, :41, :39, 1].as_tensor())
    assert logits.shape == (1, taken["pred"]["num_channels"], 41, 39)
    assert len(taken["pred"]["channel_def"]) == taken["pred"]["num_channels"]
    assert str(logits.dtype) == f"torch.{taken['pred']['dtype']}"
