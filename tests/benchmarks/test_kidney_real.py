"""The cross-validation of real CT: what it runs, what it repeats, what it makes of the records."""

import json
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest
import torch
from kidney_real import main
from monai.networks.nets import BasicUNet

from patchseg.errors import InputError

EPOCHS = {"basic_unet": 2}


def run(data, folder, epochs=EPOCHS):
    """Two folds of BasicUNet; returns the commands that were started."""
    with redirect_stdout(StringIO()) as printed:
        main(
            dataset_dir=str(data),
            epochs=epochs,
            output_dir=str(folder / "runs"),
            methods="basic_unet",
            folds=2,
            overrides={"canvas": [64, 64]},
            results=str(folder / "kidney_real.json"),
        )
    return [line for line in printed.getvalue().splitlines() if line.startswith("python -m monai.bundle")]


@pytest.fixture(scope="module")
def finished(slice_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kidney_real")
    return folder, run(slice_set, folder)


def test_basic_unet_learns_on_the_bundles_folds_and_is_judged_on_every_case(finished):
    folder, steps = finished
    assert len(steps) == 2 * 3  # per fold a training and two protocols
    results = json.loads((folder / "kidney_real.json").read_text())
    found = results["methods"]["basic_unet"]
    splits = [json.loads((folder / f"runs/basic_unet/fold{k}/split.json").read_text()) for k in range(2)]
    for part in found["protocols"].values():
        assert [case["name"] for case in part["cases"]] == [f"p{n}_z001" for n in range(6)]  # odd sizes too
        assert all(case["name"] in splits[case["fold"]]["validate"] for case in part["cases"])
        assert part["summary"]["mean"]["dsc"] > 0.2  # the discs are bright: two epochs find most of them
        assert part["seconds_per_case"] > 0
    assert found["training"]["epochs"] == [2, 2]
    training = found["training"]
    assert all(0 < s < p for s, p in zip(training["seconds"], training["process_seconds"], strict=True))
    assert min(found["training"]["cpu_seconds"]) > 0
    assert results["comparison"] == {}


def test_the_weights_are_those_of_a_basic_unet(finished):
    weights = torch.load(finished[0] / "runs/basic_unet/fold0/model.pt", weights_only=True)
    BasicUNet(spatial_dims=2, in_channels=1, out_channels=2).load_state_dict(weights, strict=True)


def test_the_protocols_differ_in_their_region(finished):
    runs = finished[0] / "runs/basic_unet/fold0"
    whole, paper = (json.loads((runs / p / "results.json").read_text())["cases"] for p in ("whole", "paper"))
    smaller = [a["volume_ml"] < b["volume_ml"] for a, b in zip(paper, whole, strict=True)]
    assert any(smaller)
    assert all(a["volume_ml"] <= b["volume_ml"] for a, b in zip(paper, whole, strict=True))


def test_no_folder_of_the_machine_in_the_results(finished, slice_set, repository):
    text = (finished[0] / "kidney_real.json").read_text()
    assert '"dataset": "discs"' in text and "--dataset_dir DATASET" in text
    assert "OUTPUT/basic_unet/fold1/model.pt" in text
    for path in (finished[0], slice_set.parent, repository, sys.prefix):
        assert str(path) not in text


def test_every_case_is_drawn_beside_the_runs(finished):
    for protocol in ("paper", "whole"):
        assert list((finished[0] / "runs/basic_unet/fold1" / protocol / "all_cases").glob("*.png"))


def test_only_what_is_missing_is_run_again(finished, slice_set):
    folder, _ = finished
    before = json.loads((folder / "kidney_real.json").read_text())
    (folder / "runs/basic_unet/fold1/whole/evaluation.json").unlink()
    (step,) = run(slice_set, folder)
    assert "OUTPUT/basic_unet/fold1/whole --protocol whole" in step
    after = json.loads((folder / "kidney_real.json").read_text())
    first, second = (r["methods"]["basic_unet"]["protocols"]["whole"]["cases"] for r in (before, after))
    assert first == second


def test_other_epochs_are_not_taken_for_the_same_run(finished, slice_set):
    with pytest.raises(InputError, match="another command"):
        run(slice_set, finished[0], {"basic_unet": 3})


def test_a_training_that_was_killed_does_not_go_on_with_other_configs(tmp_path, slice_set, monkeypatch):
    class Killed(Exception):
        pass

    def killed(*_, **__):
        raise Killed

    monkeypatch.setattr(subprocess, "run", killed)
    with pytest.raises(Killed):
        run(slice_set, tmp_path)
    monkeypatch.setattr("steps.digest", lambda command: "changed")
    with pytest.raises(InputError, match="other configs"):
        run(slice_set, tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(subprocess, "run", killed)
    with pytest.raises(Killed):  # the same again is taken up
        run(slice_set, tmp_path)


def test_bad_input_ends_with_a_sentence_and_code_2(repository):
    command = [sys.executable, "benchmarks/kidney_real.py", "--dataset_dir", "nowhere", "--epochs", "40"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("error: epochs is 40")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"methods": "vnet"}, "choose from crossover, basic_unet"),
        ({"methods": "crossover,basic_unet"}, "a whole number for each of crossover, basic_unet"),
        ({"epochs": {"basic_unet": 0}}, "a whole number"),
        ({"epochs": 40}, "a whole number"),
        ({"overrides": "spacing"}, "give ids with their values"),
        ({"dataset_dir": "nowhere"}, "does not exist"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(tmp_path, slice_set, changed, words):
    given = {"dataset_dir": str(slice_set), "epochs": EPOCHS, "methods": "basic_unet"} | changed
    with pytest.raises(InputError, match=words):
        main(**given, output_dir=str(tmp_path / "runs"), results=str(tmp_path / "results.json"))
    assert not list(tmp_path.iterdir())


def test_means_and_the_paired_test(real_results):
    results = json.loads(real_results.read_text())
    whole = results["methods"]["crossover"]["protocols"]["whole"]
    assert [case["fold"] for case in whole["cases"]] == [0, 0, 0, 1]
    assert [p["patient"] for p in whole["patients"]] == ["a", "b", "c"]
    assert whole["summary"]["mean"]["dsc"] == pytest.approx((3 * 0.6 + 0.5) / 4)
    assert whole["patient_summary"]["mean"]["dsc"] == pytest.approx((2 * 0.6 + 0.5) / 3, abs=1e-6)
    assert whole["seconds_per_case"] == 0.25
    missed = results["methods"]["basic_unet"]["protocols"]["whole"]
    assert missed["cases"][3]["hd_mm"] is None and missed["summary"]["without_hd"] == 1
    assert results["methods"]["crossover"]["training"]["seconds"] == [60.0, 60.0]
    found = results["comparison"]["whole"]  # differences .1, .1 and .5: all three positive, so p is 2 / 2**3
    assert found["mean_difference"] == pytest.approx(0.7 / 3, abs=1e-6)
    assert (found["patients"], found["crossover_better"], found["basic_unet_better"]) == (3, 3, 0)
    assert 0.05 < found["p"] <= 0.26
