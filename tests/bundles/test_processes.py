"""Two processes under torchrun do what one does."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from program import TINY, TRAINING, end, run_arguments, start, tree

from patchseg.files import read_log


@pytest.fixture
def cwd(tmp_path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


# every step sees all four training cases, so that one process and two take the same steps
FULL_BATCH = {**TRAINING, "max_epochs": 20, "val_interval": 4, "dropout": 0.0}


def test_training_in_two_processes_learns_as_in_one(tmp_path, cwd, data, trained):
    one, two = tmp_path / "one", tmp_path / "two"
    given = {"dataset_dir": data, **FULL_BATCH}
    alone = start(*run_arguments("train", **given | {"output_dir": one, "batch_size": 4}), cwd=cwd)
    settings = given | {"output_dir": two, "batch_size": 2}
    both = start(*run_arguments("train+multi_gpu_train", "training", **settings), cwd=cwd, processes=2)
    alone, both = end(alone), end(both)
    assert alone.code == 0, alone.err
    assert both.code == 0, both.err
    assert tree(one) == tree(two) and "model.pt" in tree(two)
    assert tree(cwd) == []
    assert (two / "split.json").read_bytes() == (trained / "split.json").read_bytes()
    expected, found = read_log(one / "training.jsonl"), read_log(two / "training.jsonl")
    assert list(found) == list(range(1, 21))
    assert found[20]["val_mean_dice"] > 0.5
    for epoch in range(4, 21, 4):
        # not to the digit: each process weighs the pixels of its own share
        assert found[epoch]["val_mean_dice"] == pytest.approx(expected[epoch]["val_mean_dice"], abs=0.1)


@pytest.mark.parametrize("config", ["evaluate", "inference"])
def test_two_processes_share_the_cases_and_give_the_same_files(tmp_path, cwd, data, trained, config):
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", **TINY}
    one, two = tmp_path / "one", tmp_path / "two"
    alone = start(*run_arguments(config, output_dir=one, **given), cwd=cwd)
    both = end(start(*run_arguments(config, output_dir=two, **given), cwd=cwd, processes=2))
    alone = end(alone)
    assert alone.code == 0, alone.err
    assert both.code == 0, both.err
    assert tree(one) == tree(two) and tree(one)
    if config == "evaluate":
        assert json.loads((one / "results.json").read_text()) == json.loads((two / "results.json").read_text())
        assert both.out.count("mean") == alone.out.count("mean"), "the table is printed once"
        return
    for name in tree(one):
        first, second = nib.load(one / name), nib.load(two / name)
        assert np.array_equal(first.dataobj, second.dataobj) and np.array_equal(first.affine, second.affine)
        assert np.any(first.dataobj)


def test_more_processes_than_cases_is_a_sentence_and_no_hang(tmp_path, cwd, data, trained):
    given = {"dataset_dir": data / "case_00000", "checkpoint": trained / "model.pt", **TINY}
    output = tmp_path / "output"
    ended = end(start(*run_arguments("inference", output_dir=output, **given), cwd=cwd, processes=2))
    assert ended.code != 0
    assert "error: 1 cases for 2 processes: start at most 1" in ended.err
    assert "Traceback" not in ended.err.split("error: 1 cases")[0], "only torchrun's own comes, after it"
    assert not output.exists()
