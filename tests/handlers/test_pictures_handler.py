import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from monai.handlers import MLFlowHandler
from PIL import Image

from patchseg.handlers import CaseMeasures, Pictures

sys.path.insert(0, str(Path(__file__).parent))
from engines import evaluator, item


@pytest.fixture
def drawn(monkeypatch):
    """The titles of every picture that is drawn."""
    import patchseg.handlers.pictures as module

    titles, montage = [], module.montage

    def spy(panels, path, *rest):
        titles.append([p.title for p in panels])
        return montage(panels, path, *rest)

    monkeypatch.setattr(module, "montage", spy)
    return titles


def test_the_first_cases_and_always_the_worst(tmp_path, drawn):
    items = [item("a"), item("b", shift=1), item("c"), item("worst", shift=3), item("e", shift=2)]
    evaluator(items, [Pictures(tmp_path, count=3)]).run(4)
    assert drawn == [["worst  DSC 0.250", "b  DSC 0.750", "a  DSC 1.000"]]
    assert [p.name for p in tmp_path.iterdir()] == ["epoch_004.png"]
    assert np.asarray(Image.open(tmp_path / "epoch_004.png")).std() > 0


def test_a_worst_case_among_the_first_is_drawn_once(tmp_path, drawn):
    evaluator([item("a", shift=2), item("b"), item("c")], [Pictures(tmp_path, count=2)]).run()
    assert drawn == [["a  DSC 0.500", "b  DSC 1.000"]]


def test_every_second_epoch_by_the_trainers_count(tmp_path, drawn):
    trainer = SimpleNamespace(epoch=0)
    engine = evaluator([item("a")], [Pictures(tmp_path, every=2, epoch=lambda: trainer.epoch)])
    while trainer.epoch < 4:
        trainer.epoch += 1
        engine.run()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch_002.png", "epoch_004.png"]
    assert len(drawn) == 2


def test_mlflow_gets_the_picture(tmp_path):
    tracker = MLFlowHandler(tracking_uri=f"sqlite:///{tmp_path}/mlruns.db", iteration_log=False)
    evaluator([item("a", shift=1)], [CaseMeasures(), tracker, Pictures(tmp_path / "pictures")]).run(2)
    run = tracker.cur_run.info.run_id
    assert [a.path for a in tracker.client.list_artifacts(run, "pictures")] == ["pictures/epoch_002.png"]
    assert tracker.client.get_run(run).data.metrics["val_mean_dice"] == pytest.approx(0.75)
