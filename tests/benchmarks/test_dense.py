"""The dense benchmark: its figures, and that it notices wrong ones."""

import json
import subprocess
import sys

import dense
import numpy as np
import pytest
import refined
import torch

from patchseg.crossover import CrossoverNet
from patchseg.errors import InputError


def test_prints_one_json_object_last(repository):
    command = [sys.executable, "benchmarks/dense.py", "--size", "64", "--stride", "4", "--seconds", "0.1"]
    command += ["--runtime", "torch"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == [
        "name", "ours_s", "baseline_s", "ratio", "max_error", "limit_s", "of_limit", "peak_rss_mb", "threads",
        "runtime",
    ]  # fmt: skip
    assert figures["name"] == "crossover_dense_64_stride4"
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2)
    assert figures["of_limit"] == pytest.approx(figures["limit_s"] / figures["ours_s"], rel=0.2)
    assert 0 < figures["max_error"] < 1e-4 and figures["peak_rss_mb"] > 50


@pytest.mark.parametrize(
    ("size", "stride", "runtime"), [(33, 1, "torch"), (34, 2, "torch"), (31, 4, "torch"), (31, 4, "openvino")]
)
def test_any_size_stride_and_runtime_agrees_with_the_patches(size, stride, runtime, capsys):
    dense.main(size, stride, runtime=runtime, seconds=0.01)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["max_error"] < 1e-5


def test_the_papers_protocol_judges_a_ninth_of_the_pixels(monkeypatch, capsys):
    monkeypatch.setattr(dense, "timed", lambda function, seconds: (2.0, function()))
    baselines = []
    for paper in (False, True):
        dense.main(32, paper=paper, runtime="torch")
        baselines.append(json.loads(capsys.readouterr().out.splitlines()[-1])["baseline_s"])
    assert baselines == pytest.approx([2.0 * 32 * 32 / 256, 2.0 * 11 * 11 / 256], abs=1e-4)


def test_logits_of_the_next_pixel_are_noticed(monkeypatch):
    class OffByOne(CrossoverNet):
        def forward(self, image, stride=1):
            return torch.roll(super().forward(image, stride), 1, dims=3)

    monkeypatch.setattr(dense, "CrossoverNet", OffByOne)
    with pytest.raises(SystemExit, match="differ"):
        dense.main(32, runtime="torch", seconds=0.01)


@pytest.mark.parametrize(("size", "stride"), [(0, 1), (64, 3), ("big", 1)])
def test_bad_input(size, stride):
    with pytest.raises(InputError, match="give a size"):
        dense.main(size, stride)


def test_refined_lattice_on_slices(monkeypatch):
    monkeypatch.delenv("PATCHSEG_DATA", raising=False)  # a phantom's
    slices = [slice_[:, side:] for side, slice_ in enumerate(refined.real_slices()[12:36:8])]
    figures = refined.refined(slices, "torch", "float32")
    assert figures["slices"] == 3 and figures["same_mask"] >= 0.999 and figures["max_error"] < 1e-4
    assert figures["of_limit"] == pytest.approx(figures["limit_s"] / figures["ours_s"], rel=0.2)


def test_a_mask_that_differs_is_noticed(monkeypatch):
    monkeypatch.setattr(refined, "at_runtime", lambda net, *_: lambda image: torch.roll(net(image), 1, dims=1))
    with pytest.raises(SystemExit, match="same on"):
        refined.refined([np.ones((20, 20), np.float32)], "torch", "float32")
