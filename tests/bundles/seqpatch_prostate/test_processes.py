"""Two processes under torchrun do what one does."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from click_program import TINY, TRAINING, click_arguments, results, run_here
from program import end, start, tree

from patchseg.files import read_log


@pytest.fixture
def cwd(tmp_path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


def test_training_in_two_processes_takes_the_same_steps(tmp_path, cwd, plain, quiet):
    """Every step sees all four slices of an epoch, so that two processes average to what one computes."""
    one, two = tmp_path / "one", tmp_path / "two"
    given = {"dataset_dir": plain, **TRAINING, "slices_per_epoch": 4, "synthetic_share": 0.3}
    arguments = click_arguments("train+multi_gpu_train", "training", output_dir=two, **given)
    both = start(*arguments, cwd=cwd, processes=2)
    run_here("train", output_dir=one, **given | {"batch_size": 4})
    both = end(both)
    assert both.code == 0, both.err
    assert tree(one) == tree(two) and "model.pt" in tree(two)
    assert tree(cwd) == []
    assert (two / "split.json").read_bytes() == (one / "split.json").read_bytes()
    expected, found = (torch.load(folder / "model.pt", weights_only=True) for folder in (one, two))
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=2e-3)
    assert list(read_log(two / "training.jsonl")) == [1, 2, 3, 4]
    dice = [read_log(folder / "training.jsonl")[4]["val_mean_dice"] for folder in (one, two)]
    assert dice[0] == pytest.approx(dice[1], abs=0.02)


def test_two_processes_share_an_evaluation(tmp_path, cwd, plain, trained, quiet):
    """Clicks beside the middle are drawn for each case, not for each process."""
    given = {"dataset_dir": plain, "checkpoint": trained / "model.pt", "click_offset": 4, **TINY}
    both = start(*click_arguments("evaluate", output_dir=tmp_path / "two", **given), cwd=cwd, processes=2)
    run_here("evaluate", output_dir=tmp_path / "one", **given)
    both = end(both)
    assert both.code == 0, both.err
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert results(tmp_path / "one") == results(tmp_path / "two")
    assert both.out.count("mean") == 1, "the table is printed once"
