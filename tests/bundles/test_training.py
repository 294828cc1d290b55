"""train.json from start to end, twice; killed and resumed."""

import json
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from program import BUNDLE, TRAINING, end, run_arguments, start, tree

from patchseg.files import read_log


def weights(output: Path) -> dict[str, torch.Tensor]:
    return torch.load(output / "model.pt", weights_only=True)


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_both_ways_to_start_end_well_and_say_nothing_odd(trainings):
    for _, _, ended in trainings:
        assert ended.code == 0, ended.err
        assert "Traceback" not in ended.err
    # what a user sees of an ordinary run holds no warning of any library
    assert "arning" not in trainings[0][2].err, trainings[0][2].err
    assert "Consider using" not in trainings[0][2].err


def test_training_writes_its_files_into_output_dir_and_nowhere_else(trainings, data):
    (output, cwd, _), (tracked, tracked_cwd, _) = trainings
    pictures = ["pictures/epoch_002.png", "pictures/epoch_004.png"]
    assert tree(output) == ["last.pt", "model.pt", "model.pt.sha256", *pictures, "split.json", "training.jsonl"]
    assert tree(cwd) == tree(tracked_cwd) == []
    beside = {"config_", "mlruns.db", "mlruns"}  # what --tracking adds
    extra = set(tree(tracked)) - set(tree(output))
    assert extra and all(name.startswith(tuple(beside)) for name in extra), extra
    assert len(tree(data)) == 12
    assert not (BUNDLE / "eval").exists() and not (BUNDLE / "runs").exists()


def test_split_is_by_case_and_written_down(trained):
    split = json.loads((trained / "split.json").read_text())
    assert (split["folds"], split["fold"], split["seed"]) == (3, 0, 0)
    assert sorted(split["train"] + split["validate"]) == [f"case_{n:05d}" for n in range(6)]
    assert len(split["validate"]) == 2


def test_loss_falls_and_validation_improves(trained):
    log = read_log(trained / "training.jsonl")
    assert list(log) == [1, 2, 3, 4]
    losses = [line["loss"] for line in log.values()]
    assert losses == sorted(losses, reverse=True), losses
    assert "val_mean_dice" not in log[1] and "val_mean_dice" in log[2]
    assert log[4]["val_mean_dice"] > max(0.5, log[2]["val_mean_dice"]), log
    rates = [line["lr"] for line in log.values()]
    assert rates[0] == TRAINING["learning_rate"] and rates == sorted(rates, reverse=True)


def test_same_seed_gives_the_same_weights_with_any_number_of_workers(trainings):
    (one, _, _), (other, _, _) = trainings
    assert_equal_weights(one, other)


@pytest.fixture(scope="module")
def resumed(tmp_path_factory, data):
    """A training killed without warning while its third epoch runs, and started again with the same command."""
    output, cwd = tmp_path_factory.mktemp("killed") / "output", tmp_path_factory.mktemp("elsewhere")
    arguments = run_arguments("train", "training", dataset_dir=data, output_dir=output, **TRAINING)
    killed = start(*arguments, cwd=cwd)
    while killed.poll() is None and len(read_log(output / "training.jsonl")) < 2:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert end(killed).code == -signal.SIGKILL, "the training ended before it could be killed"
    left = tree(output)
    again = end(start(*arguments, cwd=cwd))
    return output, cwd, left, again


def test_killed_training_resumes_to_the_same_weights(resumed, trained):
    output, _, left, again = resumed
    assert "model.pt" not in left
    assert again.code == 0, again.err
    assert "training goes on after epoch" in again.out
    assert_equal_weights(output, trained)
    assert list(read_log(output / "training.jsonl")) == [1, 2, 3, 4]


def test_finished_training_says_so_and_another_fold_is_refused(resumed, data):
    output, cwd, _, _ = resumed
    before = {name: (output / name).read_bytes() for name in tree(output)}
    arguments = run_arguments("train", "training", dataset_dir=data, output_dir=output, **TRAINING)
    third = start(*arguments, cwd=cwd)
    other_fold = start(*arguments, "--fold", "1", cwd=cwd)
    third, other_fold = end(third), end(other_fold)
    assert third.code == 0, third.err
    assert "training is complete, nothing to train" in third.out
    assert other_fold.code == 2
    assert other_fold.err.strip().splitlines()[-1].startswith("error: ")
    assert "another fold" in other_fold.err and "Traceback" not in other_fold.err
    after = {name: (output / name).read_bytes() for name in tree(output)}
    assert after.keys() == before.keys()
    assert [name for name in after if after[name] != before[name]] == []
