"""Cavity and myocardium from training to mask; the cavity alone from pictures."""

import csv
import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from in_process import run, sentence
from program import tree
from tiny_heart import CAVITY, SHAPE, WALL, heart, write_tree

from patchseg.files import read_log

BOTH = {"structures": ["cavity", "myocardium"], "spacing": 1.5}
SHORT = {"folds": 2, "max_epochs": 12, "val_interval": 12, "canvas": [48, 48], "constraint": "none"}
LEARNING = {"slices_per_case": 3, "learning_rate": 0.0015, "dropout": 0.0, "turn": 0.2}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_tree(tmp_path_factory.mktemp("data") / "acdc")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data) -> Path:
    output = tmp_path_factory.mktemp("training")
    run("crossover_cardiac", "train", dataset_dir=data, output_dir=output, **BOTH, **SHORT, **LEARNING)
    return output


def test_training_learns_both(trained):
    log = read_log(trained / "training.jsonl")
    assert log[12]["loss"] < 0.8 * log[1]["loss"]
    assert log[12]["val_mean_cavity_dice"] > 0.5 and log[12]["val_mean_myocardium_dice"] > 0.4, log


def test_evaluation_measures_each_structure_as_inference_gives_it(tmp_path, data, trained, quiet):
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", **BOTH}
    run("crossover_cardiac", "evaluate", output_dir=tmp_path / "evaluation", **given)
    run("crossover_cardiac", "inference", output_dir=tmp_path / "masks", **given)
    found = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert found["summary"]["n"] == 4 and "pictures/epoch_001.png" in tree(tmp_path / "evaluation")
    masks = sorted((tmp_path / "masks").rglob("*_heart.nii.gz"))
    for number, (case, path) in enumerate(zip(found["cases"], masks, strict=True)):
        mask, label = nib.load(path), heart(number)[1]
        assert mask.shape == SHAPE and mask.get_data_dtype() == np.uint8
        np.testing.assert_allclose(mask.affine, nib.load(data / f"{case['name']}.nii.gz").affine, atol=1e-4)
        voxels = np.asarray(mask.dataobj)
        for name, one, value in (("cavity", 1, CAVITY), ("myocardium", 2, WALL)):
            a, b = voxels == one, label == value
            assert case[f"{name}_dsc"] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()), abs=1e-5)
        touching = ndimage.binary_dilation(voxels == 1, np.ones((3, 3, 1)))
        assert not (touching & (voxels == 0)).any(), "the myocardium encloses the cavity"


def test_the_cavity_alone_from_pictures(tmp_path, quiet):
    """Slices as Sunnybrook's: PNG with an index, the cavity 255, no spacing."""
    slices = tmp_path / "slices"
    for part in ("images", "masks"):
        (slices / part).mkdir(parents=True)
    with (slices / "index.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "patient"])
        for number in range(2):
            image, label = (array[..., 0].T for array in heart(number))
            Image.fromarray((image / 4).clip(0, 255).astype(np.uint8)).save(slices / "images" / f"s{number}.png")
            Image.fromarray((label == CAVITY).astype(np.uint8) * 255).save(slices / "masks" / f"s{number}.png")
            table.writerow([f"s{number}.png", f"p{number}"])
    given = {"dataset_dir": slices, "spacing": 0}
    once = {**SHORT, "max_epochs": 1, "val_interval": 1}
    run("crossover_cardiac", "train", output_dir=tmp_path / "output", **given, **once)
    assert "val_mean_dice" in read_log(tmp_path / "output" / "training.jsonl")[1]
    weights = tmp_path / "output" / "model.pt"
    run("crossover_cardiac", "inference", output_dir=tmp_path / "masks", checkpoint=weights, **given)
    assert len(tree(tmp_path / "masks")) == 2
    both = {"structures": ["cavity", "myocardium"], "output_dir": tmp_path / "both"}
    assert "none of the" in sentence("crossover_cardiac", "train", **given, **both, **once)
    assert "another network" in sentence("crossover_cardiac", "inference", checkpoint=weights, **given, **both)


def test_structures_that_are_none(tmp_path, data, quiet):
    given = {"dataset_dir": data, "output_dir": tmp_path / "output", "structures": ["cavity", "wall"], "folds": 2}
    found = sentence("crossover_cardiac", "train", **given)
    assert "structures is ['cavity', 'wall']; choose from ['cavity', 'myocardium']" in found
