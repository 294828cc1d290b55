import json
import math
import sys
import time
from pathlib import Path

import pytest
import torch
from monai.engines import IterationEvents
from monai.transforms import Compose, Lambdad

from patchseg.handlers import ClickMeasures
from patchseg.metrics import case_measures
from patchseg.metrics_prostate import centroid_distances, promise12_measures

sys.path.insert(0, str(Path(__file__).parent))
from engines import SPACING, evaluator, item

AFFINE = torch.diag(torch.tensor([*SPACING, 1.0]))


def with_confidence(data):
    """What post-processing puts beside the prediction: two slices judged, four not."""
    return data | {"confidence": {"axis": 2, "values": [0, 0, 0.9, 0.5, 0, 0]}}


def run(items, handler, extra=None, batch_size=1):
    engine = evaluator(items, [handler], batch_size)
    if extra:

        @engine.on(IterationEvents.MODEL_COMPLETED)
        def process(e):
            e.state.output = [extra(o) for o in e.state.output]

    engine.run()
    return engine


def test_results_file(tmp_path):
    items = [item("b", "q", 1), item("a"), item("gone", empty=True)]
    handler = ClickMeasures(tmp_path / "results.json", {"bundle": "seqpatch_prostate"})
    engine = run(items, handler, with_confidence)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [c["name"] for c in results["cases"]] == ["a", "b", "gone"]
    for one, found in zip(sorted(items, key=lambda i: i["name"]), results["cases"], strict=True):
        pair = one["image"], one["label"]
        expected = (
            case_measures(*pair, SPACING) | centroid_distances(*pair, AFFINE) | promise12_measures(*pair, AFFINE)
        )
        for key, value in expected.items():
            assert found[key] == (None if math.isnan(value) else pytest.approx(value, abs=1e-6)), key
        assert found["confidence"] == pytest.approx(0.7) and found["lowest_confidence"] == pytest.approx(0.5)
        assert 0 < found["seconds"] < 5
        assert set(found) == {"name", "patient", *ClickMeasures.measures}
    assert results["cases"][1]["cd_x_mm"] == SPACING[0]
    mean = results["summary"]["mean"]
    assert mean["cd_x_mm"] == pytest.approx(SPACING[0] / 2) and results["summary"]["missed"] == 1
    assert {p["patient"]: p["cases"] for p in results["patients"]} == {"p": 2, "q": 1}
    assert engine.state.metrics["val_mean_hd95_mm"] == pytest.approx(mean["whole_hd95_mm"])
    assert engine.state.metrics["val_mean_dice"] == pytest.approx(mean["dsc"])


def test_without_confidence_there_is_none(tmp_path, capsys):
    handler = ClickMeasures(show=True)
    run([item("a")], handler)
    assert math.isnan(handler.cases[0]["confidence"]) and math.isnan(handler.cases[0]["lowest_confidence"])
    head, row, mean = (line.split() for line in capsys.readouterr().out.splitlines())
    assert head == ["case", *ClickMeasures.shown] and row[1] == "1.000" and mean[-2] == "-"


def test_seconds_are_of_the_network_not_of_loading():
    def slow(data):
        time.sleep(0.2)
        return data

    handler = ClickMeasures()
    run([item("a"), item("b")], handler, slow, batch_size=2)
    first, second = (c["seconds"] for c in handler.cases)
    assert first == second and 0.2 <= first < 1  # 0.4 s for two

    loaded = ClickMeasures()
    engine = evaluator([item("a")], [loaded])
    engine.data_loader.dataset.transform = Compose([Lambdad("label", lambda x: time.sleep(0.3) or x)])
    engine.run()
    assert loaded.cases[0]["seconds"] < 0.25
