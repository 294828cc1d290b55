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


# A bundle's run as gloo's threads see it: something still lives when the interpreter ends.
LATE = """
class Late:
    def __del__(self):
        print("the interpreter's own end")


late = Late()
"""


@pytest.mark.parametrize(("finalize", "code"), [("$print('its last word')", 0), ("$1 / 0", 1)])
def test_processes_of_a_bundle_end_before_the_interpreter_does(tmp_path, cwd, monkeypatch, finalize, code):
    """Under torchrun gloo's threads could abort the interpreter's end: a training that had succeeded failed."""
    (tmp_path / "late.py").write_text(LATE)
    config = {
        "imports": ["$import atexit", "$import late", "$import patchseg"],
        "initialize": ["$patchseg.distributed.join()", "$atexit.register(print, 'a library tidies up')"],
        "run": ["$print('trained')"],
        "finalize": ["$patchseg.distributed.leave()", finalize],
    }
    (tmp_path / "train.json").write_text(json.dumps(config))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ended = end(start("run", "--config_file", tmp_path / "train.json", cwd=cwd, processes=2))
    assert ended.code == code, ended.err
    # one process that fails may end the other before its words are out
    expected = {2} if code == 0 else {1, 2}
    assert ended.out.count("trained") in expected
    assert ended.out.count("a library tidies up") in expected
    assert ended.out.count("its last word") == (2 if code == 0 else 0)
    assert "the interpreter's own end" not in ended.out
    assert "ZeroDivisionError" in ended.err or code == 0
