"""The papers' rows one by one: what runs, what is repeated, what the results and the table make of it."""

import json
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest
import reproduce
import torch
from reproduce_results import gather, slug
from rows import crossover, sequential
from rows.paper import Order, Paper, Row
from table_reproduce import reproduce as table

from patchseg.errors import InputError
from patchseg.handlers.case_measures import write_results
from patchseg.weights import load_weights, save_weights

TINY = {
    "network_def": {
        "_target_": "patchseg.rivals.OneBranchNet",
        "patch": [12, 12],
        "stack": "3x3/4 pool 3x3/8 3x3/16",
    }
}
TASK = crossover.TASKS["kidney"]._replace(
    folder="discs",
    rows=(),
    settings={},
    train_only={"canvas": [64, 64], "tumour_share": 1.0, "learning_rate": 0.01, **crossover.SHORT_EPOCHS},
)
ROWS = (
    Row("Tiny net", "Table I", {"dsc": 0.9}, TINY, **crossover.ONE_PATCH),
    Row("The same again", "Fig. 8", settings=TINY, weights_of="Tiny net"),
    Row("3D", "Table I", {"dsc": 0.8}, not_run="slices only"),
)
PAPER = Paper("Tiny paper", "Tiny net", ROWS, {"discs": TASK}, [Order("Fig. 8", ("Tiny net", "The same again"))])


@pytest.fixture(scope="module")
def tiny_paper():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crossover, "PAPER", PAPER)
        yield


def run(data, folder, **options):
    """Runs the tiny paper and returns the commands that were started."""
    given = {"minutes": 0.005, "seeds": 0, "folds": 2, "output_dir": str(folder / "runs")} | options
    with redirect_stdout(StringIO()) as printed:
        reproduce.main(data=str(data.parent), results=str(folder / "found.json"), **given)
    return [line for line in printed.getvalue().splitlines() if line.startswith("python -m monai.bundle")]


@pytest.fixture(scope="module")
def finished(tiny_paper, slice_set, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduce")
    return folder, run(slice_set, folder), json.loads((folder / "found.json").read_text())


def test_a_row_is_a_short_training_a_training_and_an_evaluation(finished):
    folder, commands, results = finished
    assert [command.split(" run ")[1].split()[0] for command in commands] == [
        "training",
        "training",
        "evaluating",
        "evaluating",
    ]
    rows = results["tasks"]["discs"]["rows"]
    known = json.loads((folder / "runs/crossover/discs/tiny_net/epochs.json").read_text())
    assert rows["Tiny net"]["epochs"] == known["epochs"] == max(1, round(0.3 / known["cpu_seconds_per_epoch"]))
    assert f"--max_epochs {known['epochs']} " in commands[1]
    assert rows["3D"] == {"where": "Table I", "published": {"dsc": 0.8}, "note": "", "not_run": "slices only"}


def test_rows_of_the_same_weights_have_the_same_figures_and_are_paired(finished):
    rows = finished[2]["tasks"]["discs"]["rows"]
    one, other = rows["Tiny net"], rows["The same again"]
    assert one["patients"] == other["patients"] and len(one["patients"]) == 3
    assert one["mean"]["dsc"] == pytest.approx(sum(one["patients"].values()) / 3, abs=1e-5)
    assert other["against_ours"]["patients"] == 3 and other["against_ours"]["mean_difference"] == 0
    (pair,) = finished[2]["tasks"]["discs"]["orders"]
    assert (pair["better"], pair["worse"], pair["difference"], pair["p"]) == (
        "Tiny net",
        "The same again",
        0,
        None,
    )


def test_no_folder_of_the_machine_in_the_results(finished, slice_set, repository):
    text = json.dumps(finished[2])
    assert "--dataset_dir DATASET" in text and "OUTPUT/tiny_net/seed0" in text
    for path in (finished[0], slice_set.parent, repository, sys.prefix):
        assert str(path) not in text


def test_what_is_done_is_not_repeated(finished, slice_set):
    folder, _, before = finished
    assert run(slice_set, folder) == []
    (folder / "runs/crossover/discs/the_same_again/seed0/evaluation/evaluation.json").unlink()
    (command,) = run(slice_set, folder)
    assert " run evaluating " in command
    assert json.loads((folder / "found.json").read_text()) == before


def test_recorded_epochs_are_taken_instead_of_measuring(finished, slice_set, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(reproduce, "run_forked", started.append)
    monkeypatch.setattr(reproduce, "gather", lambda *_: None)
    run(slice_set, tmp_path, epochs_of=str(finished[0] / "found.json"), rows="Tiny net")
    epochs = finished[2]["tasks"]["discs"]["rows"]["Tiny net"]["epochs"]
    assert [command[3] for command in started] == ["training", "evaluating"]
    assert str(epochs) == started[0][started[0].index("--max_epochs") + 1]


def test_a_row_that_fails_does_not_stop_the_others(tiny_paper, slice_set, tmp_path, monkeypatch, capsys):
    tried = []

    def fails(command):
        tried.append(command)
        raise SystemExit(2)

    monkeypatch.setattr(reproduce, "run_forked", fails)
    with pytest.raises(SystemExit) as stopped:
        run(slice_set, tmp_path, seeds=(0, 1))
    assert stopped.value.code == 1 and len(tried) == 4
    assert "failed: Tiny net, seed 0; The same again, seed 0" in capsys.readouterr().err
    rows = json.loads((tmp_path / "found.json").read_text())["tasks"]["discs"]["rows"]
    assert rows["Tiny net"]["not_run"] == "its run failed"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"paper": "another"}, "one of crossover, sequential"),
        ({"task": "liver"}, "one of discs"),
        ({"rows": "Tiny"}, "choose from Tiny net, The same again, 3D"),
        ({"minutes": 0}, "a number above 0"),
        ({"seeds": "a"}, "whole numbers"),
        ({"epochs_of": "nowhere.json"}, "no such results file"),
        ({"overrides": "spacing"}, "ids with their values"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(tiny_paper, slice_set, tmp_path, changed, words):
    with pytest.raises(InputError, match=words):
        run(slice_set, tmp_path, **changed)
    assert not list(tmp_path.iterdir())


def test_other_minutes_are_not_taken_for_the_same_row(finished, slice_set):
    with pytest.raises(InputError, match=r"trained for 0\.005 minutes"):
        run(slice_set, finished[0], minutes=1)


def write_run(folder, name, seed, dsc):
    """What one row's training and evaluation leave behind, with a DSC for each patient."""
    place = folder / slug(name) / f"seed{seed}"
    cases = [
        {"name": patient, "patient": patient, "dsc": value, "hd_mm": 4.0, "or": 0.1, "ur": 0.2}
        | {"volume_ml": 1.0, "reference_ml": 1.0}
        for patient, value in dsc.items()
    ]
    write_results(place / "evaluation" / "results.json", {}, cases)
    (place / "evaluation" / "evaluation.json").write_text('{"command": "evaluate", "process_seconds": 1.0}')
    (place / "training.json").write_text('{"command": "train", "process_seconds": 9.0}')
    (place / "training.jsonl").write_text('{"epoch": 1, "loss": 0.5, "cpu_seconds": 30.0}\n')


def test_differences_are_those_of_seeds_that_both_rows_have(tmp_path):
    rows = (Row("Ours", "Table I", {"dsc": 0.9}), Row("U-Net", "Table I", {"dsc": 0.8}, note="smaller"))
    paper = Paper("P", "Ours", rows, {"t": TASK}, [Order("Table I", ("Ours", "U-Net"))])
    write_run(tmp_path, "Ours", 0, {"a": 0.8, "b": 0.6})
    write_run(tmp_path, "Ours", 1, {"a": 0.2, "c": 0.1})
    write_run(tmp_path, "U-Net", 0, {"a": 0.9, "b": 0.8})
    gather(paper, "p", "t", tmp_path, {"minutes": 0.5, "folds": 3}, tmp_path / "found.json")
    results = json.loads((tmp_path / "found.json").read_text())
    found = results["tasks"]["t"]["rows"]
    assert found["Ours"]["mean"]["dsc"] == pytest.approx((0.7 + 0.15) / 2)
    assert found["Ours"]["sd_of_seeds"]["dsc"] == pytest.approx(0.55 / 2**0.5, abs=1e-6)
    assert found["Ours"]["patients"] == pytest.approx({"a": 0.5, "b": 0.6, "c": 0.1})
    assert found["U-Net"]["against_ours"]["mean_difference"] == pytest.approx(-0.15)
    assert found["U-Net"]["against_ours"]["worse"] == 2
    text = table(results)
    ours = "| Ours | 0.425 ± 0.389 | 0.500 | 4.0 | 0.100 | 0.200 | 0.900 | Table I | 2 | 0.5 |"
    theirs = "| U-Net | 0.850 | 0.850 | 4.0 | 0.100 | 0.200 | 0.800 | Table I | 1 | 0.5 |"
    assert f"{ours} - | -0.150 (p = 0.5) |  |" in text
    assert f"{theirs} +0.150 (p = 0.5) | - | smaller |" in text
    assert "The other way round: Ours before U-Net (Table I; -0.150, p = 0.5)." in text


def test_seeds_that_were_run_elsewhere_stay_if_they_were_run_alike(tmp_path):
    paper = Paper("P", "Ours", (Row("Ours", "Table I", {}),), {"t": TASK}, [])
    here, elsewhere, found = tmp_path / "here", tmp_path / "elsewhere", tmp_path / "found.json"

    def seeds(folder, minutes=0.5):
        gather(paper, "p", "t", folder, {"minutes": minutes, "folds": 3}, found)
        return json.loads(found.read_text())["tasks"]["t"]["rows"]["Ours"].get("seeds", {})

    write_run(elsewhere, "Ours", 0, {"a": 0.8})
    before = seeds(elsewhere)
    assert seeds(here) == before  # nothing was run here yet
    write_run(here, "Ours", 1, {"a": 0.4})
    after = seeds(here)
    assert list(after) == ["0", "1"] and after["0"] == before["0"]
    assert json.loads(found.read_text())["tasks"]["t"]["rows"]["Ours"]["patients"] == {"a": 0.6}
    (here / "ours" / "seed1" / "training.json").write_text('{"command": "another", "process_seconds": 9.0}')
    assert list(seeds(here)) == ["1"]
    gather(paper, "p", "t", elsewhere, {"minutes": 0.5, "folds": 3}, found)
    assert list(seeds(here, minutes=7)) == ["1"]


def test_the_table_says_why_a_row_was_not_run(finished):
    text = table(finished[2])
    assert "| 3D | not run | - | - | - | - | 0.800 | Table I | - | - | - | - | slices only |" in text


RUN = [row for row in crossover.PAPER.rows if not row.not_run]


@pytest.mark.parametrize("row", RUN, ids=[slug(row.name) for row in RUN])
def test_every_row_of_crossover_net_is_trained_and_evaluated_as_the_same_network(
    row, repository, monkeypatch, tmp_path
):
    from monai.bundle import ConfigParser

    monkeypatch.chdir(repository)
    place = reproduce.Place(TASK._replace(folder="."), "benchmarks", repository / "unused", 3, {})
    for name in crossover.TASKS:
        place.task = crossover.TASKS[name]
        parsers = []
        for command in (place._training(repository, row, 0, 1), place._evaluating(row, repository, repository)):
            files = command[command.index("--config_file") + 1]
            parser = ConfigParser(
                ConfigParser.load_config_files([f.strip(" '") for f in files.strip("[]").split(",")])
            )
            options = command[command.index("--config_file") + 2 :]
            for key, value in zip(options[::2], options[1::2], strict=True):
                parser[key.removeprefix("--")] = as_typed(value)
            parsers.append(parser)
        train, evaluate = parsers
        network = train.get_parsed_content("network")
        save_weights(network, tmp_path / "model.pt")
        load_weights(evaluate.get_parsed_content("network_def"), tmp_path / "model.pt")
        if name != "cardiac":  # the task that has all rows
            continue
        lattice, loss = train.get_parsed_content("lattice"), train.get_parsed_content("loss")
        label = torch.zeros(2, 1, 32, 32)
        label[:, :, 8:20, 8:24] = 1
        value = loss(lattice(torch.rand(2, 1, 32, 32)), torch.cat([label, torch.ones_like(label)], 1))
        value.backward()
        assert torch.isfinite(value)
        assert all(p.grad is not None for p in network.parameters())
        sides = row.evaluate_only.get("inferer", {}).get("roi_size", (21, 34))
        with torch.no_grad():
            assert network.eval()(torch.rand(1, 1, *sides)).shape == (1, 2, *sides)


def as_typed(text):
    from fire.parser import DefaultParseValue

    return DefaultParseValue(text)


def test_a_task_may_be_for_some_rows_alone(finished, slice_set, tmp_path, monkeypatch, capsys):
    one_row = PAPER._replace(tasks={"discs": TASK._replace(rows=("Tiny net",))})
    monkeypatch.setattr(crossover, "PAPER", one_row)
    gather(one_row, "crossover", "discs", finished[0] / "runs/crossover/discs", {}, tmp_path / "found.json")
    assert list(json.loads((tmp_path / "found.json").read_text())["tasks"]["discs"]["rows"]) == ["Tiny net"]
    with pytest.raises(InputError, match="3D"):
        run(slice_set, tmp_path, rows="3D")


@pytest.mark.parametrize("paper", [crossover.PAPER, sequential.PAPER], ids=lambda paper: paper.title)
def test_a_tasks_rows_are_the_papers(paper):
    known = {row.name for row in paper.rows}
    assert all({paper.ours} < set(task.rows) <= known for task in paper.tasks.values() if task.rows)


@pytest.mark.parametrize("paper", [crossover.PAPER], ids=["Crossover-Net"])
def test_a_task_with_a_table_of_its_own_shows_its_figures_and_no_others(paper):
    rows = {row.name: row for row in paper.rows_of("breast")}
    assert rows["Crossover-Net"].published == {"dsc": 0.9126}
    assert rows["Crossover-Net"].where == "Table II"
    assert (rows["U-Net"].published, rows["U-Net"].where) == ({}, "-")
    assert paper.row("U-Net").published["dsc"] == 0.839
