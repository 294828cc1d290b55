"""Packed bundles at work, in processes that cannot import the package they were packed from."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from packed_program import NAMES, REPOSITORY, answer, python

SCHEMA = REPOSITORY / "tests" / "bundles" / "metadata_schema.json"


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Path:
    """Six tiny scans with labels that both kinds of bundle take."""
    folder = tmp_path_factory.mktemp("cases")
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    for number in range(6):
        noise = np.random.default_rng(number).normal(0, 20, (44, 40, 3))
        label = np.zeros(noise.shape, np.uint8)
        label[16:28, 14:26] = 2
        affine = np.diag([-1.5, -1.5, 4, 1])
        image = np.where(label, 120, -60) + noise
        nib.save(nib.Nifti1Image(image.astype(np.int16), affine), folder / "images" / f"case{number}.nii.gz")
        nib.save(nib.Nifti1Image(label, affine), folder / "labels" / f"case{number}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def together(unpacked, without_parent, tmp_path_factory) -> dict:
    """All packed bundles, and another version of one, in one process, in every way of loading."""
    return answer("side_by_side.py", unpacked, without_parent, tmp_path_factory.mktemp("elsewhere"))


def test_each_bundle_runs_its_own_code(together, unpacked):
    own = {name: [p.name for p in root.glob("patchseg_*")] for name, root in unpacked.items()}
    assert len({package for packages in own.values() for package in packages}) == len(own)
    for way, bundles in together["found"].items():
        for name, seen in bundles.items():
            assert seen["modules"] == own[name], (way, name)
            assert seen["root"] == str(unpacked[name]), (way, name)
    assert together["packages"] == sorted(package for packages in own.values() for package in packages)


def test_another_version_gives_its_own_answer(together):
    for bundles in together["found"].values():
        old, new = (torch.tensor(bundles[name]["logits"]) for name in ("crossover_kidney", "newer"))
        torch.testing.assert_close(new, 2 * old)


@pytest.mark.parametrize("name", NAMES)
def test_checks_of_the_model_zoo(unpacked, without_parent, cases, tmp_path, name):
    given = {"schema": SCHEMA, "exports": tmp_path, "data": cases}
    found = answer("model_zoo.py", given, without_parent, unpacked[name])
    assert found["missing"] == {"inference": [], "evaluate": [], "train": []}
    version = json.loads((unpacked[name] / "configs" / "metadata.json").read_text())["version"]
    assert found["version"] == version and found["configs"] == ["inference.json"] and found["same_weights"]


def test_downloaded_and_run_from_elsewhere(zips, without_parent, cases, tmp_path):
    """By MONAI's own commands, from a folder that has nothing to do with the bundle."""
    address = zips["crossover_kidney"].as_uri()
    arguments = ("--name", "crossover_kidney", "--url", address, "--bundle_dir", tmp_path / "zoo")
    downloaded = python("-m", "monai.bundle", "download", *arguments, env=without_parent, cwd=tmp_path)
    assert downloaded.returncode == 0, downloaded.stderr
    config = tmp_path / "zoo" / "crossover_kidney" / "configs" / "inference.json"
    settings = ("--dataset_dir", cases / "images", "--output_dir", tmp_path / "masks")
    given = ("-m", "monai.bundle", "run", "--config_file", config, *settings)
    run = python(*given, env=without_parent, cwd=tmp_path, forked=False)
    assert run.returncode == 0, run.stderr
    masks = sorted((tmp_path / "masks").iterdir())
    assert len(masks) == 6
    mask = nib.load(masks[0])
    assert mask.shape == (44, 40, 3) and np.allclose(mask.affine, np.diag([-1.5, -1.5, 4, 1]))


def test_all_of_the_code_is_there(unpacked, without_parent, tmp_path):
    """Every module that was packed can be imported without the parent package."""
    (package,) = unpacked["crossover_kidney"].glob("patchseg_*")
    found = answer("import_all.py", {"package": package}, without_parent, tmp_path)
    modules = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    assert found["imported"] >= len(modules) and set(found["missing"]) <= {"openvino"}, found
