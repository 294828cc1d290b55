"""A training killed at any file it touches goes on to the same weights; its files are whole at every moment."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from engines import item, trainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
from each_step import killed_at_each_step

from patchseg.checksums import sidecar
from patchseg.files import read_log
from patchseg.handlers import Resume, TrainingLog
from patchseg.weights import load_weights


def train(folder: Path, epochs: int = 2) -> torch.nn.Module:
    engine = trainer([item("a"), item("b", empty=True)], [TrainingLog(folder / "training.jsonl")], epochs)
    objects = {"network": engine.network, "optimizer": engine.optimizer}
    Resume(folder / "last.pt", objects, folder / "model.pt").attach(engine)
    engine.run()
    return engine.network


def assert_whole(folder: Path) -> None:
    """What is there loads and agrees."""
    last = folder / "last.pt"
    checkpoint = torch.load(last, weights_only=True) if last.exists() else {"epoch": 0}
    epochs = list(read_log(folder / "training.jsonl"))
    assert epochs in ([*range(1, checkpoint["epoch"] + 1)], [*range(1, checkpoint["epoch"] + 2)])
    if (folder / "model.pt").exists():
        found = load_weights(trainer([], []).network, folder / "model.pt").state_dict()
        assert torch.equal(found["weight"], checkpoint["network"]["weight"])


def test_killed_at_every_step(tmp_path):
    expected = train(tmp_path / "unbroken").weight
    steps = 0
    for folder in killed_at_each_step(train, tmp_path):
        assert_whole(folder)
        assert torch.equal(train(folder).weight, expected)
        assert_whole(folder)
        names = ["last.pt", "model.pt", "model.pt.sha256", "training.jsonl"]
        assert sorted(path.name for path in folder.iterdir()) == names
        steps += 1
    assert steps > 10, "the log, the checkpoint and the weights of two epochs take more steps"


@pytest.mark.parametrize("loses", ["model.pt.sha256", "model.pt"])
def test_weights_of_a_shorter_training_do_not_stay(tmp_path, loses):
    """Trained on for another epoch, and killed between the last checkpoint and the weights."""
    train(tmp_path, epochs=1)
    before = (tmp_path / "model.pt").read_bytes()
    longer = train(tmp_path, epochs=2)
    (tmp_path / "model.pt").write_bytes(before)
    (tmp_path / loses).unlink()
    if loses == "model.pt":
        sidecar(tmp_path / "model.pt").unlink()
    train(tmp_path, epochs=2)
    found = load_weights(trainer([], []).network, tmp_path / "model.pt")
    assert torch.equal(found.weight, longer.weight) and sidecar(tmp_path / "model.pt").is_file()


def test_a_finished_training_is_not_written_again(tmp_path):
    train(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    train(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
