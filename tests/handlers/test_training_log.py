import json
import sys
from pathlib import Path

import pytest
from ignite.engine import Events
from monai.handlers import ValidationHandler

from patchseg.files import read_log
from patchseg.handlers import CaseMeasures, TrainingLog

sys.path.insert(0, str(Path(__file__).parent))
from engines import evaluator, item, trainer


def train(path, epochs=2, start=0, first=True, at_start=False):
    log = TrainingLog(path)
    validator = evaluator([item("a", shift=1)], [CaseMeasures(), TrainingLog(path)])
    validate = ValidationHandler(interval=1, validator=validator, exec_at_start=at_start)
    engine = trainer([item("x"), item("y")], [log, validate] if first else [validate, log], epochs)
    if start:  # as a CheckpointLoader does, after the handlers were attached

        def resume(e):
            e.state.epoch = start
            e.state.iteration = start * 2

        engine.add_event_handler(Events.STARTED, resume)
    engine.run()


@pytest.mark.parametrize("first", [True, False])
def test_one_line_per_epoch_with_its_validation(tmp_path, first):
    path = tmp_path / "new" / "training.jsonl"
    train(path, first=first)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    for line in lines:
        assert line["loss"] == 0 and line["lr"] == 0.25 and line["seconds"] > 0 and line["cpu_seconds"] > 0
        assert line["val_mean_dice"] == 0.75
    assert [p.name for p in path.parent.iterdir()] == ["training.jsonl"]


def test_loss_is_the_mean_over_the_epoch(tmp_path):
    log = TrainingLog(tmp_path / "log.jsonl")
    items = [item("x"), item("y", empty=True), item("z", empty=True)]
    engine = trainer(items, [log], 1)
    for group in engine.optimizer.param_groups:
        group["lr"] = 0.0
    engine.run()
    label = items[0]["label"]
    assert read_log(log.path)[1]["loss"] == pytest.approx(2 / 3 * float(label.sum()) / label.numel(), abs=1e-6)


def test_resuming_keeps_earlier_epochs_and_replaces_later_ones(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps({"epoch": e, "loss": 100 + e}) + "\n" for e in range(1, 6)))
    train(path, epochs=4, start=2)
    lines = read_log(path)
    assert list(lines) == [1, 2, 3, 4]
    assert [lines[e]["loss"] for e in (1, 2)] == [101, 102]
    assert lines[3]["loss"] == lines[4]["loss"] == 0


def test_a_validation_before_training_loses_nothing(tmp_path):
    path = tmp_path / "log.jsonl"
    train(path, epochs=1, at_start=True)
    lines = read_log(path)
    assert list(lines) == [0, 1] and "loss" not in lines[0] and lines[0]["val_mean_dice"] == 0.75
