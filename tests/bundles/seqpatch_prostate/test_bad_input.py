"""What is wrong with data, clicks, weights or settings is said in one sentence, and nothing is left behind."""

import re
import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from click_program import TINY, TRAINING, click_arguments, sentence
from program import end, start, tree
from tiny_mr import scan

from patchseg.seqpatch import SeqPatchNet

FIRST = "Case00.nii.gz"  # a training case of fold 0, read first
MIDDLE = scan(0).middle


@pytest.fixture
def broken(tmp_path, plain) -> Path:
    """A copy of the data set to break."""
    return Path(shutil.copytree(plain, tmp_path / "broken"))


def rewrite(path: Path, change) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj).copy()), image.affine), path)


def no_labels(folder: Path) -> None:
    shutil.rmtree(folder / "labels")
    (folder / "labels").mkdir()


def wrong_values(folder: Path) -> None:
    rewrite(folder / "labels" / FIRST, lambda voxels: voxels * 7)


def other_shape(folder: Path) -> None:
    rewrite(folder / "labels" / FIRST, lambda voxels: voxels[:, :-1])


def with_nan(folder: Path) -> None:
    rewrite(folder / "images" / FIRST, lambda voxels: np.where(voxels > 600, np.nan, voxels.astype(np.float32)))


def cut_short(folder: Path) -> None:
    path = folder / "images" / FIRST
    path.write_bytes(path.read_bytes()[:-4000])


BROKEN = [
    (no_labels, "images without a label: Case00, Case01"),
    (wrong_values, r"labels/Case00.nii.gz holds the label values 7; allowed are \[0, 1, 2, 255\]"),
    (other_shape, r"labels/Case00.nii.gz has shape .* but its image"),
    (with_nan, "images/Case00.nii.gz holds NaN or infinite values"),
    (cut_short, "images/Case00.nii.gz cannot be read"),
]


@pytest.mark.parametrize(("break_it", "message"), BROKEN)
def test_broken_data(tmp_path, broken, trained, quiet, break_it, message):
    break_it(broken)
    given = {"dataset_dir": broken, "output_dir": tmp_path / "output"}
    found = {
        "train": sentence("train", **given, **TRAINING),
        "evaluate": sentence("evaluate", **given, **TINY, checkpoint=trained / "model.pt"),
    }
    if break_it in (with_nan, cut_short):
        clicked = {"checkpoint": trained / "model.pt", "foreground": [MIDDLE], **TINY}
        found["inference"] = sentence("inference", **given, **clicked)
    for config, said in found.items():
        assert re.search(message, said), (config, said)
    assert not (tmp_path / "output").exists()


def test_nothing_to_click_on(tmp_path, broken, trained, quiet):
    rewrite(broken / "labels" / FIRST, lambda voxels: voxels * 0)
    given = {"dataset_dir": broken, "output_dir": tmp_path / "output", "checkpoint": trained / "model.pt"}
    assert "Case00.nii.gz marks no object" in sentence("evaluate", **given, **TINY)
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("clicks", "message"),
    [
        ({}, r"Case00.nii.gz has no foreground click: click inside the object, or give its voxel"),
        ({"foreground": []}, "has no foreground click"),
        ({"background": [MIDDLE]}, "has no foreground click"),
        ({"foreground": [scan(0).air]}, r"click .* lies in air in .*Case00.nii.gz \(64 x 60 x 6 voxels\)"),
        ({"foreground": [MIDDLE, scan(0).air]}, "lies in air"),
        ({"foreground": [[64, 0, 0]]}, r"lies outside .*Case00.nii.gz .* give i,j,k from 0,0,0 to 63,59,5"),
        ({"foreground": [[-1, 20, 2]]}, "lies outside"),
        ({"foreground": [MIDDLE], "background": [[0, 0, 6]]}, "lies outside"),
        ({"foreground": [MIDDLE[:2]]}, "lacks its slice: give i,j,k"),
        ({"foreground": [[30.5, 20, 2]]}, r'click "30.5,20,2" is not three whole numbers'),
        ({"foreground": "here"}, '"here" is no click: give three whole numbers'),
    ],
)
def test_clicks_that_cannot_be(tmp_path, plain, trained, quiet, clicks, message):
    given = {"dataset_dir": plain, "output_dir": tmp_path / "output", "checkpoint": trained / "model.pt"}
    found = sentence("inference", **given, **TINY, **clicks)
    assert re.search(message, found), found
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 7}, "there are 6 patients for 7 folds"),
        ({"organ_labels": [2]}, "none of the 4 label files holds the value 2 .* --organ_labels"),
        ({"label_values": [0, 2]}, r"holds the label values 1; allowed are \[0, 2\]"),
        ({"synthetic_share": 1.5}, "synthetic_share is 1.5; give a part between 0 and 1"),
        ({"slices_per_epoch": 0}, "give at least 1"),
        ({"recurrence": ["side"]}, r"recurrence names \['side'\]; give some of \['bottom', 'middle', 'top'\]"),
        ({"cell": "gated"}, r"cell is \"gated\"; give one of"),
        ({"precision": "float8"}, "precision is 'float8': give one of float32, bfloat16"),
        ({"initial_weights": "none.pt"}, "there are no weights at none.pt"),
    ],
)
def test_settings_that_cannot_be(tmp_path, plain, quiet, settings, message):
    found = sentence("train", dataset_dir=plain, output_dir=tmp_path / "output", **TRAINING | settings)
    assert re.search(message, found), found
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize("config", ["evaluate", "inference"])
def test_weights_that_do_not_belong(tmp_path, plain, trained, quiet, config):
    given = {"dataset_dir": plain, "output_dir": tmp_path / "output", **TINY}
    given |= {"foreground": [MIDDLE]} if config == "inference" else {}
    missing = sentence(config, **given, checkpoint=tmp_path / "none.pt")
    assert "there are no weights at" in missing and "none.pt" in missing
    other = sentence(config, **given | {"recurrence": ["top"]}, checkpoint=trained / "model.pt")
    assert "model.pt is a checkpoint of another network" in other
    torch.save(SeqPatchNet(cell="gru").state_dict(), tmp_path / "gru.pt")
    assert "gru.pt is a checkpoint of another network" in sentence(config, **given, checkpoint=tmp_path / "gru.pt")
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes((tmp_path / "gru.pt").read_bytes()[:-2000])
    assert "damaged.pt cannot be read as weights" in sentence(config, **given, checkpoint=damaged)
    assert not (tmp_path / "output").exists()


def test_checks_in_loading_processes_are_heard(tmp_path, broken, quiet):
    with_nan(broken)
    given = {"dataset_dir": broken, "output_dir": tmp_path / "output", **TRAINING, "synthetic_share": 0}
    assert "Case00.nii.gz holds NaN" in sentence("train", **given, cache_rate=0.0, num_workers=1)


def test_real_programs_say_one_sentence_and_end_with_2(tmp_path, plain, trained):
    weights = {"checkpoint": trained / "model.pt", **TINY}
    asked = {
        "no foreground click": click_arguments("inference", dataset_dir=plain, **weights),
        "lies in air": click_arguments("inference", dataset_dir=plain, foreground=[scan(0).air], **weights),
    }
    output, cwd = tmp_path / "output", tmp_path / "elsewhere"
    cwd.mkdir()
    programs = {said: start(*one, "--output_dir", output, cwd=cwd) for said, one in asked.items()}
    for said, program in programs.items():
        ended = end(program)
        assert ended.code == 2, (said, ended)
        assert "Traceback" not in ended.err + ended.out
        lines = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 and said in lines[0], ended.err
        assert ended.err.strip().endswith(lines[0]), "the sentence is the last thing to be read"
    assert not output.exists() and tree(cwd) == []
