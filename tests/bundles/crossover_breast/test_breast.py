"""A mass in its box, from training to mask, and where there is no box."""

import json
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from in_process import run, sentence
from program import tree

from patchseg.bundles import bundle_root
from patchseg.files import read_log

SHAPE = (90, 70)  # rows, columns
# a smaller stack than the paper's: a training of seconds
TINY = {"patch": [40, 12], "network_def#stack": "5x5/8 pool 5x3/16 pool 7x1/16 1x1/64"}
TRAINING = {
    **TINY,
    "loss#stack": TINY["network_def#stack"],
    "canvas": [32, 32],
    "folds": 3,
    "max_epochs": 12,
    "val_interval": 12,
    "learning_rate": 0.002,
    "constraint": "none",
    "dropout": 0.0,
}


def picture(number: int) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """A bright mass in breast of bright and dark strands; its mask, and its box [column, row, column, row]."""
    rng = np.random.default_rng(number)
    row, column = np.indices(SHAPE)
    middle, radii = rng.uniform((30, 25), (60, 45)), rng.uniform(8, 11, 2)
    mask = (((row - middle[0]) / radii[0]) ** 2 + ((column - middle[1]) / radii[1]) ** 2) < 1
    image = 60 + 40 * np.sin(row / 9 + number) + 110 * mask + rng.normal(0, 8, SHAPE)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = [int(n) for n in (columns[0], rows[0], columns[-1], rows[-1])]
    return image.clip(0, 255).astype(np.uint8), mask, box


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for number in range(6):
        image, mask, _ = picture(number)
        Image.fromarray(image).save(folder / "images" / f"mass{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"mass{number}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data) -> Path:
    output = tmp_path_factory.mktemp("training")
    run("crossover_breast", "train", dataset_dir=data, output_dir=output, **TRAINING)
    return output


def test_training_learns(trained):
    log = read_log(trained / "training.jsonl")
    assert log[12]["loss"] < 0.7 * log[1]["loss"] and log[12]["val_mean_dice"] > 0.7, log


def masks(folder: Path) -> dict[str, np.ndarray]:
    return {path.name[:5]: np.squeeze(np.asarray(nib.load(path).dataobj)).T for path in folder.rglob("*.nii.gz")}


def test_evaluation_in_the_box_and_inference_with_the_same_box_agree(tmp_path, data, trained, quiet):
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", **TINY}
    run("crossover_breast", "evaluate", output_dir=tmp_path / "evaluation", **given)
    found = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert found["summary"]["n"] == 6 and found["summary"]["mean"]["dsc"] > 0.7
    (tmp_path / "one").mkdir()
    image, reference, box = picture(2)
    Image.fromarray(image).save(tmp_path / "one" / "mass2.png")
    one = given | {"dataset_dir": tmp_path / "one"}
    run("crossover_breast", "inference", output_dir=tmp_path / "boxed", box=box, **one)
    (mask,) = masks(tmp_path / "boxed").values()
    assert mask.shape == SHAPE and set(np.unique(mask)) == {0, 1}
    dice = 2 * (mask.astype(bool) & reference).sum() / (mask.sum() + reference.sum())
    assert dice == pytest.approx(found["cases"][2]["dsc"], abs=1e-5)
    column, row, last_column, last_row = box
    outside = np.ones(SHAPE, bool)
    outside[row - 3 : last_row + 4, column - 3 : last_column + 4] = False
    assert not mask[outside].any(), "all beyond 1.2 times the box is black"
    wrong = sentence("crossover_breast", "inference", output_dir=tmp_path / "w", box=[0, 0, 70, 9], **one)
    assert "does not lie in" in wrong and "70 x 90 pixels" in wrong


def test_without_a_box_the_whole_image_is_judged(tmp_path, data, trained, quiet):
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", **TINY}
    run("crossover_breast", "inference", output_dir=tmp_path / "masks", **given)
    found = masks(tmp_path / "masks")
    assert len(tree(tmp_path / "masks")) == 6 and {mask.shape for mask in found.values()} == {SHAPE}


def test_variants():
    """One key chooses patch and cut; each has a network of its own."""
    for variant, patch, crop in (("inbreast", (340, 68), 1.2), ("ddsm", (500, 50), 2.0)):
        for config in ("train", "evaluate", "inference"):
            parser = ConfigParser()
            parser.read_config(bundle_root("crossover_breast") / "configs" / f"{config}.json")
            parser["variant"] = variant
            assert parser.get_parsed_content("network_def").patch == patch
            assert parser.get_parsed_content("crop") == crop


def test_images_without_a_mass_are_refused(tmp_path, data, quiet):
    folder = Path(shutil.copytree(data, tmp_path / "data"))
    Image.fromarray(np.zeros(SHAPE, np.uint8)).save(folder / "masks" / "mass0.png")
    found = sentence("crossover_breast", "train", dataset_dir=folder, output_dir=tmp_path / "output", **TRAINING)
    assert "mass0.png holds no object to put a box around" in found
