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


def test_training_in_two_processes_learns_as_in_one(tmp_path, cwd, data, trained):
    output = tmp_path / "output"
    given = {"dataset_dir": data, "output_dir": output, **TRAINING, "max_epochs": 8, "val_interval": 8}
    arguments = run_arguments("train+multi_gpu_train", "training", **given)
    ended = end(start(*arguments, cwd=cwd, processes=2))
    assert ended.code == 0, ended.err
    assert tree(output) == ["last.pt", "model.pt", "pictures/epoch_008.png", "split.json", "training.jsonl"]
    assert tree(cwd) == []
    assert (output / "split.json").read_bytes() == (trained / "split.json").read_bytes()
    # two processes take half the steps in an epoch: eight epochs of two are the four epochs of one
    log, alone = read_log(output / "training.jsonl"), read_log(trained / "training.jsonl")
    assert list(log) == list(range(1, 9))
    assert log[8]["loss"] < log[1]["loss"]
    assert log[8]["val_mean_dice"] == pytest.approx(alone[4]["val_mean_dice"], abs=0.15)


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
