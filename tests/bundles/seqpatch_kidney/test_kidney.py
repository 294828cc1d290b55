"""One of two kidneys from a click in CT, from training to mask."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))
from in_process import run

from patchseg.files import read_log

SHAPE = (110, 56, 4)
AFFINE = np.diag([-1.1, -1.1, 3.0, 1.0])
TINY = {"steps": 4, "recurrence": ["bottom"], "network_def#channels": [8, 8, 8]}
# tones stay as they are (augmentation 2, 3 and 4 change them): so few steps learn that much and no more
TONES = {f"augmentation#{step}#prob": 0.0 for step in (2, 3, 4)}
TRAINING = {
    **TINY,
    **TONES,
    "radius": [7, 12],
    "synthetic_share": 0.0,
    "folds": 2,
    "max_epochs": 8,
    "val_interval": 8,
    "slices_per_epoch": 16,
    "batch_size": 2,
    "learning_rate": 0.005,
}


def scan(number: int) -> tuple[np.ndarray, np.ndarray]:
    """HU and label of one case: two kidneys, the larger one with a tumour (2)."""
    rng = np.random.default_rng(number)
    i, j, _ = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    body = np.hypot((i - 54.5) / 53, (j - 27.5) / 26) < 1
    right, left = rng.uniform((20, 24), (24, 30)), rng.uniform((84, 24), (88, 30))
    kidneys = (np.hypot(i - right[0], j - right[1]) < 10) | (np.hypot(i - left[0], j - left[1]) < 7)
    tumour = kidneys & (np.hypot(i - right[0] + 6, j - right[1]) < 4)
    hu = np.select([kidneys, body], [180.0, 20.0], -1000.0) + rng.normal(0, 10, SHAPE)
    return hu.astype(np.int16), np.select([tumour, kidneys], [2, 1], 0).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("kits")
    for number in range(4):
        case = folder / f"case_{number:05d}"
        case.mkdir()
        for name, array in zip(("imaging", "segmentation"), scan(number), strict=True):
            nib.save(nib.Nifti1Image(array, AFFINE), case / f"{name}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data) -> Path:
    output = tmp_path_factory.mktemp("training")
    run("seqpatch_kidney", "train", dataset_dir=data, output_dir=output, **TRAINING)
    return output


def test_training_learns(trained):
    log = read_log(trained / "training.jsonl")
    assert log[8]["loss"] < 0.8 * log[1]["loss"] and log[8]["val_mean_dice"] > 0.5, log


def test_evaluation_takes_the_larger_kidney(tmp_path, data, trained, quiet):
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", **TINY}
    run("seqpatch_kidney", "evaluate", output_dir=tmp_path / "evaluation", **given)
    found = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert found["summary"]["n"] == 4 and found["summary"]["mean"]["dsc"] > 0.5
    for number, case in enumerate(found["cases"]):
        parts, _ = ndimage.label(scan(number)[1])
        voxels = np.bincount(parts.ravel())[1:].max()
        assert case["reference_ml"] == pytest.approx(voxels * 1.1 * 1.1 * 3 / 1000, rel=1e-4)


def test_a_click_takes_one_kidney(tmp_path, data, trained, quiet):
    parts, _ = ndimage.label(scan(1)[1])
    given = {"dataset_dir": data / "case_00001", "checkpoint": trained / "model.pt", **TINY}
    for side in (1, 2):
        click = [round(n) for n in np.argwhere(parts[..., 2] == side).mean(0)] + [2]
        output = tmp_path / str(side)
        run("seqpatch_kidney", "inference", output_dir=output, foreground=[click], **given)
        (path,) = output.rglob("*.nii.gz")
        mask = np.asarray(nib.load(path).dataobj) == 1
        kidney = parts == side
        assert 2 * (mask & kidney).sum() / (mask.sum() + kidney.sum()) > 0.5
        assert not (mask & (parts == 3 - side)).any()


def test_tumours_by_one_key(tmp_path, data, trained, quiet):
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", "organ_labels": [2], **TINY}
    run("seqpatch_kidney", "evaluate", output_dir=tmp_path / "evaluation", **given)
    found = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    for number, case in enumerate(found["cases"]):
        assert case["reference_ml"] == pytest.approx((scan(number)[1] == 2).sum() * 3.63 / 1000, rel=1e-3)
