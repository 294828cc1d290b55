"""train.json from start to end, twice; tracked; killed and resumed; refused where it cannot go on."""

import json
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient

sys.path.insert(0, str(Path(__file__).parent))
from click_program import BUNDLE, TRAINING, click_arguments, run_here, sentence
from program import end, start, tree
from tiny_mr import NAMES

from patchseg.files import read_log


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = (torch.load(output / "model.pt", weights_only=True) for output in (one, other))
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in tree(folder)}


def test_both_ways_to_start_end_well_and_say_nothing_odd(trainings):
    for _, _, ended in trainings:
        assert ended.code == 0, ended.err
        assert "Traceback" not in ended.err
    assert "arning" not in trainings[0][2].err, trainings[0][2].err


def test_training_writes_its_files_into_output_dir_and_nowhere_else(trainings, data):
    (output, cwd, _), (tracked, tracked_cwd, _) = trainings
    pictures = ["pictures/epoch_002.png", "pictures/epoch_004.png"]
    assert tree(output) == ["last.pt", "model.pt", "model.pt.sha256", *pictures, "split.json", "training.jsonl"]
    assert tree(cwd) == tree(tracked_cwd) == []
    extra = set(tree(tracked)) - set(tree(output))
    assert extra and all(name.startswith(("config_", "mlruns")) for name in extra), extra
    assert len({name.split(".")[0] for name in tree(data)}) == 12
    assert not (BUNDLE / "eval").exists() and not (BUNDLE / "runs").exists()


def test_split_is_by_case_and_written_down(trained):
    split = json.loads((trained / "split.json").read_text())
    assert (split["folds"], split["fold"], split["seed"]) == (3, 0, 0)
    assert sorted(split["train"] + split["validate"]) == list(NAMES)
    assert len(split["validate"]) == 2


def test_loss_falls_and_the_object_is_learnt(trained):
    log = read_log(trained / "training.jsonl")
    assert list(log) == [1, 2, 3, 4]
    losses = [line["loss"] for line in log.values()]
    assert losses == sorted(losses, reverse=True), losses
    assert "val_mean_dice" not in log[1] and "val_mean_dice" in log[2]
    assert log[4]["val_mean_dice"] > 0.8, log
    assert log[1]["lr"] > log[4]["lr"] > 0


def test_same_seed_gives_the_same_weights_with_any_number_of_workers(trainings):
    (one, _, _), (other, _, _) = trainings
    assert_equal_weights(one, other)


def test_tracked_training(trainings):
    output, _, _ = trainings[1]
    client = MlflowClient(f"sqlite:///{output}/mlruns.db")
    experiment = client.get_experiment_by_name("seqpatch_prostate")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    params = run.data.params
    assert (params["folds"], params["fold"], params["seed"], params["max_epochs"]) == ("3", "0", "0", "4")
    assert (params["steps"], params["synthetic_share"], params["recurrence"]) == ("4", "0.1", "['bottom']")
    losses = client.get_metric_history(run.info.run_id, "train_loss")
    assert [metric.step for metric in losses] == list(range(1, 25))
    log = read_log(output / "training.jsonl")
    dice = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "val_mean_dice")}
    assert dice == pytest.approx({n: log[n]["val_mean_dice"] for n in (2, 4)}, abs=1e-5)
    artifacts = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
    assert "pictures" in artifacts and any(path.startswith("config_") for path in artifacts)


def test_killed_training_resumes_to_the_same_weights(tmp_path, data, trained):
    output, cwd = tmp_path / "output", tmp_path / "elsewhere"
    cwd.mkdir()
    arguments = click_arguments("train", "training", dataset_dir=data, output_dir=output, **TRAINING)
    killed = start(*arguments, cwd=cwd)
    while killed.poll() is None and len(read_log(output / "training.jsonl")) < 2:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert end(killed).code == -signal.SIGKILL, "the training ended before it could be killed"
    assert "model.pt" not in tree(output)
    again = end(start(*arguments, cwd=cwd))
    assert again.code == 0, again.err
    assert "training goes on after epoch" in again.out
    assert_equal_weights(output, trained)
    assert list(read_log(output / "training.jsonl")) == [1, 2, 3, 4]


def test_finished_training_stays_as_it_is(trained, data, quiet, capsys):
    before = contents(trained)
    given = {"dataset_dir": data, "output_dir": trained, **TRAINING}
    run_here("train", **given)
    assert "training is complete, nothing to train" in capsys.readouterr().out
    assert "another fold" in sentence("train", **given | {"fold": 1})
    assert "another network" in sentence("train", **given | {"recurrence": ["bottom", "top"]})
    assert contents(trained) == before


def test_training_starts_from_given_weights(tmp_path, data, trained, quiet):
    """Fine-tuning: one epoch of nothing but small steps stays near the weights it started from."""
    more = {"initial_weights": trained / "model.pt", "learning_rate": 1e-6, "max_epochs": 1, "val_interval": 1}
    run_here("train", dataset_dir=data, output_dir=tmp_path / "output", **TRAINING | more)
    tuned, first = (
        torch.load(folder / "model.pt", weights_only=True) for folder in (tmp_path / "output", trained)
    )
    assert not all(torch.equal(tuned[name], first[name]) for name in first)
    for name in first:
        torch.testing.assert_close(tuned[name], first[name], rtol=0, atol=1e-4)
    log = read_log(tmp_path / "output" / "training.jsonl")
    assert log[1]["val_mean_dice"] == pytest.approx(
        read_log(trained / "training.jsonl")[4]["val_mean_dice"], abs=0.01
    )
