import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from patchseg.errors import InputError
from patchseg.handlers import ClickMeasures
from patchseg.handlers.case_measures import write_results
from patchseg.report import main, write_report


def case(name, patient, dsc, hd_mm=3.0):
    volume = 0.0 if dsc == 0 else 10.0
    return {"name": name, "patient": patient, "dsc": dsc, "hd_mm": hd_mm, "or": 0.1, "ur": 0.2,
            "volume_ml": volume, "reference_ml": 12.0}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "kidney_run"
    cases = [case("good", "p1", 0.95), case("lost <b>", "p2", 0.0, math.nan), case("fair", "p1", 0.7)]
    write_results(folder / "results.json", {"bundle": "crossover_kidney", "network": {"patch": [100, 20]}}, cases)
    (folder / "training.jsonl").write_text('{"epoch": 1, "loss": 0.5, "val_mean_dice": 0.4}\n')
    (folder / "timings.json").write_text(json.dumps({"train": 61.254, "evaluate": 3}))
    (folder / "pictures").mkdir()
    for number, grey in ((1, 10), (2, 200)):
        Image.fromarray(np.full((8, 8), grey, np.uint8)).save(folder / "pictures" / f"epoch_{number:03d}.png")
    return folder


def rows(page):
    return re.findall(r"<tr><td>(.*?)</td>", page)


def test_everything_in_one_page(run):
    path = write_report(run)
    assert path == run / "report.html"
    page = path.read_text()
    assert rows(page)[:3] == ["lost &lt;b&gt;", "fair", "good"]
    assert {"mean", "sd", "median", "p1", "network.patch", "train"} <= set(rows(page))
    for words in ("0.550", "61.25", "[100, 20]", "epoch 002", "Research use, not for diagnosis", "1 of 3 cases"):
        assert words in page, words
    assert page.count("data:image/png;base64,") == 2
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "nan" not in page.lower().split("base64")[0]


def test_the_last_picture_is_embedded(run):
    import base64

    last = base64.b64encode((run / "pictures" / "epoch_002.png").read_bytes()).decode()
    assert last in write_report(run).read_text()


@pytest.mark.parametrize("kept", ["results.json", "training.jsonl", "timings.json", "pictures"])
def test_parts_stand_alone(run, kept):
    for path in [p for p in run.iterdir() if p.name != kept]:
        path.rename(run.parent / path.name)
    page = write_report(run, run.parent / "page.html").read_text()
    assert ("Cases, worst first" in page) == (kept == "results.json")
    assert ("<h2>Training" in page) == (kept == "training.jsonl")
    assert ("<h2>Time" in page) == (kept == "timings.json")
    assert ("<h2>Slices" in page) == (kept == "pictures")


def test_wrong_folders(tmp_path):
    with pytest.raises(InputError, match="no run folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(InputError, match="run an evaluation first"):
        write_report(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(InputError, match=r"results\.json is not valid JSON"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_command(run, capsys):
    command = [sys.executable, "-m", "patchseg.report", "--folder", str(run)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip() == str(run / "report.html")
    with pytest.raises(SystemExit) as stop:
        main(str(run / "nowhere"))
    assert stop.value.code == 2 and capsys.readouterr().err.startswith("error: there is no run folder")


def test_a_training_in_another_folder(run, tmp_path):
    training = tmp_path / "training"
    training.mkdir()
    (run / "training.jsonl").rename(training / "training.jsonl")
    assert "<h2>Training" not in write_report(run).read_text()
    assert "<h2>Training" in write_report(run, training=training).read_text()


def clicked(name, dsc):
    """A case of the interactive bundle: every measure 2.5 but the Dice."""
    return {"name": name, "patient": name} | dict.fromkeys(ClickMeasures.measures, 2.5) | {"dsc": dsc}


@pytest.fixture
def click_run(tmp_path):
    folder = tmp_path / "click_run"
    cases = [clicked("gland_1", 0.9), clicked("gland_2", 0.8) | {"apex_abd_mm": math.nan}]
    write_results(folder / "results.json", {"bundle": "seqpatch_prostate"}, cases, ClickMeasures.measures)
    (folder / "pictures").mkdir()
    for name, title in (("epoch_001", "gland_2  DSC 0.800; gland_1  DSC 0.900"), ("rays", "How a click <b>")):
        info = PngImagePlugin.PngInfo()
        info.add_text("Title", title)
        Image.fromarray(np.full((8, 8), 99, np.uint8)).save(folder / "pictures" / f"{name}.png", pnginfo=info)
    return folder


def headings(page):
    return re.findall(r"<h([12])>(.*?)</h", page)


def test_the_interactive_bundle(click_run):
    page = write_report(click_run).read_text()
    assert headings(page)[0] == ("1", "seqpatch_prostate")
    for words in (
        "95HD, mm",
        "CD-z, mm",
        "Confidence",
        "seconds a case",
        "whole gland",
        "2.50 ± 0.00",
        "2.50 ± -",
    ):
        assert words in page, words
    assert "Over-segmented" not in page and rows(page)[:2] == ["gland_2", "gland_1"]


def test_an_evaluation_names_its_cases_and_no_epoch(click_run):
    page = write_report(click_run).read_text()
    assert "epoch" not in page and "gland_2  DSC 0.800; gland_1  DSC 0.900" in page
    assert ("2", "Slices") in headings(page) and ("2", "Rays") in headings(page)
    assert "How a click &lt;b&gt;" in page
    (click_run / "training.jsonl").write_text('{"epoch": 1, "loss": 0.5}\n')
    assert ("2", "Slices (epoch 001)") in headings(write_report(click_run).read_text())


def test_two_bundles(run, click_run, tmp_path):
    training = tmp_path / "click_training"
    training.mkdir()
    (training / "timings.json").write_text('{"one click": 1.5}')
    path = write_report(run, tmp_path / "both.html", click=click_run, click_training=training)
    page = path.read_text()
    assert [h for level, h in headings(page) if level == "1"] == ["crossover_kidney", "seqpatch_prostate"]
    assert page.count("Cases, worst first") == 2 and page.count("data:image/png;base64,") == 4
    assert page.index("61.25") < page.index("seqpatch_prostate</h1>") < page.index("one click")
    kidney, prostate = page.split("seqpatch_prostate</h1>")
    assert "OR</th>" in kidney and "OR</th>" not in prostate and "ABD, mm</th>" not in kidney
    with pytest.raises(InputError, match="no run folder"):
        write_report(run, click=tmp_path / "nowhere")


def test_command_for_two_bundles(run, click_run, tmp_path, capsys):
    main(str(run), str(tmp_path / "both.html"), click=str(click_run))
    assert capsys.readouterr().out.strip() == str(tmp_path / "both.html")
    assert "seqpatch_prostate" in (tmp_path / "both.html").read_text()
