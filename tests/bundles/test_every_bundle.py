"""What holds for every bundle there is: MONAI's own checks, what its documents say, and what it says untrained."""

import json
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser, verify_metadata, verify_net_in_out

sys.path.insert(0, str(Path(__file__).parent))
from program import REPOSITORY

from patchseg.bundles import bundle_names, bundle_root
from patchseg.cli import main

NAMES = bundle_names()


def read(name: str, config: str) -> dict:
    return json.loads((bundle_root(name) / "configs" / f"{config}.json").read_text())


def files(name: str) -> dict[str, str]:
    configs = bundle_root(name) / "configs"
    return {"meta_file": str(configs / "metadata.json"), "config_file": str(configs / "inference.json")}


@pytest.mark.parametrize("name", NAMES)
def test_metadata(name):
    verify_metadata(
        meta_file=files(name)["meta_file"], filepath=str(Path(__file__).parent / "metadata_schema.json")
    )
    metadata = read(name, "metadata")
    assert metadata["name"] == name and metadata["version"] in metadata["changelog"]
    assert metadata["version"] == version("patchseg")
    pinned = (REPOSITORY / "constraints.txt").read_text()
    packages = {"monai": metadata["monai_version"], "torch": metadata["pytorch_version"]}
    packages |= {"numpy": metadata["numpy_version"], **metadata["required_packages_version"]}
    for package, stated in packages.items():
        assert f"\n{package}=={stated}" in "\n" + pinned


@pytest.mark.parametrize("name", NAMES)
def test_the_network_takes_and_gives_what_metadata_says(name, quiet):
    verify_net_in_out(net_id="network_def", **files(name), any=64)
    parser = ConfigParser()
    parser.read_config(files(name)["config_file"])
    given, taken = (read(name, "metadata")["network_data_format"][end] for end in ("inputs", "outputs"))
    assert len(given["image"]["channel_def"]) == given["image"]["num_channels"]
    if "steps" in parser:
        assert given["image"]["num_channels"] == taken["pred"]["num_channels"] == parser["steps"]
    else:
        assert len(taken["pred"]["channel_def"]) == taken["pred"]["num_channels"]


@pytest.mark.parametrize("name", NAMES)
def test_parts(name):
    root = bundle_root(name)
    for part in (
        "LICENSE",
        "docs/README.md",
        "docs/data_license.txt",
        "models/LICENSE.txt",
        "configs/logging.conf",
    ):
        assert (root / part).is_file(), part
    assert (root / "LICENSE").read_bytes() == (REPOSITORY / "LICENSE").read_bytes()
    trained = (root / "models" / "model.pt").is_file()
    assert trained == (root / "models" / "model.pt.sha256").is_file()
    for said in ("docs/README.md", "models/LICENSE.txt"):
        text = " ".join((root / said).read_text().split())
        assert ("No weights are shipped" in text) != trained, said


@pytest.mark.parametrize("name", NAMES)
def test_documents_explain_every_setting_of_training(name):
    text = (bundle_root(name) / "docs" / "README.md").read_text()
    train = read(name, "train")
    settings = list(train)[list(train).index("dataset_dir") : list(train).index("cases")]
    unexplained = {"experiment_name", "run_name"}  # of tracking, explained by MONAI
    assert [key for key in settings if key not in unexplained and f"`{key}`" not in text] == []


@pytest.mark.parametrize("name", [n for n in NAMES if not (bundle_root(n) / "models" / "model.pt").is_file()])
def test_example_commands_of_documents_name_settings_that_exist(name):
    text = (bundle_root(name) / "docs" / "README.md").read_text()
    for config in ("train", "inference"):
        keys = read(name, config)
        for command in text.split("```")[1::2]:
            if f"/{config}.json" in command:
                typed = [word[2:] for word in command.split() if word.startswith("--")]
                assert [key for key in typed if key not in {*keys, "config_file"}] == []


@pytest.mark.parametrize("name", NAMES)
def test_without_weights_the_command_says_so(tmp_path, name, monkeypatch, capsys):
    root = tmp_path / "bundles" / name
    shutil.copytree(bundle_root(name) / "configs", root / "configs")
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(root.parent))
    nib.save(nib.Nifti1Image(np.zeros((8, 8, 2), np.int16), np.eye(4)), tmp_path / "scan.nii.gz")
    click = ["click", "--at", "4,4,1"] if read(name, "metadata")["interaction"] == "click" else ["segment"]
    with pytest.raises(SystemExit) as stopped:
        main([*click, str(tmp_path / "scan.nii.gz"), "--bundle", name, "-o", str(tmp_path / "mask.nii.gz")])
    assert stopped.value.code == 2 and "there are no weights at" in capsys.readouterr().err
    assert not (tmp_path / "mask.nii.gz").exists()
