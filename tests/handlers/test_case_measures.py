import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from monai.handlers import CheckpointSaver

from patchseg.errors import InputError
from patchseg.handlers import CaseMeasures
from patchseg.metrics import case_measures

sys.path.insert(0, str(Path(__file__).parent))
from engines import SPACING, Scale, evaluator, item


def expected(one):
    return case_measures(one["image"], one["label"], SPACING)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_results_file(tmp_path, batch_size):
    items = [item("b", "q", 1), item("a", "p"), item("c", "p", 2), item("d", "q", empty=True)]
    path = tmp_path / "new" / "results.json"
    evaluator(items, [CaseMeasures(path, {"bundle": "kidney", "rate": math.nan})], batch_size).run()
    results = json.loads(path.read_text(), parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    assert results["about"] == {"bundle": "kidney", "rate": None}
    assert [c["name"] for c in results["cases"]] == ["a", "b", "c", "d"]
    assert set(results["cases"][0]) == {
        "name", "patient", "dsc", "hd_mm", "or", "ur", "volume_ml", "reference_ml"
    }  # fmt: skip
    for one, found in zip(sorted(items, key=lambda i: i["name"]), results["cases"], strict=True):
        for key, value in expected(one).items():
            assert found[key] == (None if math.isnan(value) else pytest.approx(value, abs=1e-6))
    assert results["cases"][2]["hd_mm"] == 2 * SPACING[0]
    assert results["cases"][3]["hd_mm"] is None
    assert [p["patient"] for p in results["patients"]] == ["p", "q"]
    summary = results["summary"]
    assert (summary["n"], summary["missed"], summary["without_hd"]) == (4, 1, 1)
    assert summary["mean"]["hd_mm"] == pytest.approx((0 + 0.5 + 1.0) / 3)
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]


def test_metrics_are_there_for_handlers_that_come_after(tmp_path):
    seen = []

    class Reader:
        def attach(self, engine):
            engine.add_event_handler(Events.EPOCH_COMPLETED, lambda e: seen.append(dict(e.state.metrics)))

    items = [item("a"), item("b", shift=2)]
    saver = CheckpointSaver(str(tmp_path), {"net": Scale()}, save_key_metric=True, key_metric_name="val_mean_dice")
    evaluator(items, [CaseMeasures(), Reader(), saver]).run()
    assert seen[0]["val_mean_dice"] == pytest.approx(0.75)
    assert seen[0]["val_missed"] == 0 and seen[0]["val_mean_hd_mm"] == pytest.approx(0.5)
    assert seen[0]["val_mean_or"] == seen[0]["val_mean_ur"] == pytest.approx(1 / 6)
    assert [p.name for p in tmp_path.glob("*.pt")] == ["net_key_metric=0.7500.pt"]


def test_as_key_metric_keeps_the_best():
    engine = evaluator([item("a", shift=1)], [], key={"val_mean_dice": CaseMeasures()})
    engine.run(3)
    assert engine.state.best_metric == pytest.approx(0.75) and engine.state.best_metric_epoch == 3
    with pytest.raises(InputError, match="val_dice is no metric"):
        evaluator([item("a")], [], key={"val_dice": CaseMeasures()}).run()


def test_every_run_starts_anew():
    handler = CaseMeasures()
    engine = evaluator([item("a"), item("b")], [handler])
    engine.run(1)
    engine.run(2)
    assert [c["name"] for c in handler.cases] == ["a", "b"]


def test_table(capsys):
    evaluator([item("a", shift=1), item("b", empty=True)], [CaseMeasures(show=True)]).run()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["case", "dsc", "hd_mm", "or", "ur", "volume_ml", "reference_ml"]
    assert lines[1].split()[:3] == ["a", "0.750", "0.50"]
    assert lines[2].split()[:3] == ["b", "0.000", "-"]
    assert lines[3].split()[:2] == ["mean", "0.375"]


def test_names_come_from_the_file_where_the_data_has_none():
    handler = CaseMeasures()
    bare = {k: v for k, v in item("scan").items() if k in ("image", "label")}
    evaluator([bare], [handler]).run()
    assert (handler.cases[0]["name"], handler.cases[0]["patient"]) == ("scan.nii", "scan.nii")


def test_two_cases_of_one_name_are_refused():
    with pytest.raises(InputError, match="two cases are called a"):
        evaluator([item("a"), item("a")], [CaseMeasures()]).run()


WORKER = """
import json, sys
import torch.distributed as dist
sys.path.insert(0, sys.argv[1])
from engines import evaluator, item
from patchseg.handlers import CaseMeasures

dist.init_process_group("gloo")
rank = dist.get_rank()
# uneven shares, and "b" on both ranks as a padding sampler would have it
shares = [[item("c", "q", 1), item("a"), item("b", "p", 2)], [item("b", "p", 2), item("d", "r", empty=True)]]
engine = evaluator(shares[rank], [CaseMeasures(sys.argv[2] + "/results.json")])
engine.run()
with open(f"{sys.argv[2]}/metrics_{rank}.json", "w") as file:
    json.dump(engine.state.metrics, file)
dist.destroy_process_group()
"""


def test_cases_of_all_ranks(tmp_path):
    (tmp_path / "worker.py").write_text(WORKER)
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    arguments = [str(tmp_path / "worker.py"), str(Path(__file__).parent), str(tmp_path)]
    subprocess.run(run + arguments, check=True, timeout=240, capture_output=True)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [c["name"] for c in results["cases"]] == ["a", "b", "c", "d"]
    one, two = (json.loads((tmp_path / f"metrics_{rank}.json").read_text()) for rank in (0, 1))
    assert one == two
    assert one["val_mean_dice"] == pytest.approx((1 + 0.5 + 0.75 + 0) / 4)
    assert one["val_missed"] == 1


def test_several_structures_are_measured_together_and_each(tmp_path):
    """A wall, 2, around a cavity, 1."""
    label, pred = (torch.zeros(1, 16, 14, 6) for _ in range(2))
    label[0, 2:12, 2:12, 1:5] = pred[0, 2:12, 2:12, 1:5] = 2
    label[0, 5:9, 5:9, 1:5] = 1
    pred[0, 5:9, 5:7, 1:5] = 1
    handler = CaseMeasures(tmp_path / "results.json", structures=["cavity", "wall"])
    engine = Engine(lambda engine, batch: [{"pred": pred, "label": label}])
    handler.attach(engine)
    engine.run([[{"name": "a", "patient": "p"}]])
    (case,) = json.loads((tmp_path / "results.json").read_text())["cases"]
    assert case["dsc"] == 1 and case["hd_mm"] == 0
    assert case["cavity_dsc"] == pytest.approx(2 * 8 / (16 + 8), abs=1e-6) and case["cavity_hd_mm"] == 2
    assert case["wall_dsc"] == pytest.approx(2 * 84 / (84 + 92), abs=1e-6)
    assert engine.state.metrics["val_mean_cavity_dice"] == pytest.approx(2 / 3)
    assert engine.state.metrics["val_mean_dice"] == 1


def test_one_structure_needs_no_name(tmp_path):
    named, plain = CaseMeasures(structures=["cavity"]), CaseMeasures()
    assert named.measures == plain.measures and named.shown == plain.shown
