"""The dense benchmark: its figures, and that it notices wrong ones."""

import json
import subprocess
import sys

import dense
import pytest
import torch

from patchseg.crossover import CrossoverNet
from patchseg.errors import InputError


def test_prints_one_json_object_last(repository):
    command = [sys.executable, "benchmarks/dense.py", "--size", "64", "--stride", "4", "--seconds", "0.1"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == [
        "name", "ours_s", "baseline_s", "ratio", "max_error", "threads", "runtime", "peak_rss_mb"
    ]  # fmt: skip
    assert figures["name"] == "crossover_dense_64_stride4"
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2)
    assert 0 < figures["max_error"] < 1e-4 and figures["peak_rss_mb"] > 50


@pytest.mark.parametrize(("size", "stride"), [(33, 1), (34, 2), (31, 4)])
def test_any_size_and_stride_agrees_with_the_patches(size, stride, capsys):
    dense.main(size, stride, seconds=0.01)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["max_error"] < 1e-5


def test_logits_of_the_next_pixel_are_noticed(monkeypatch):
    class OffByOne(CrossoverNet):
        def forward(self, image, stride=1):
            return torch.roll(super().forward(image, stride), 1, dims=3)

    monkeypatch.setattr(dense, "CrossoverNet", OffByOne)
    with pytest.raises(SystemExit, match="differ"):
        dense.main(32, seconds=0.01)


@pytest.mark.parametrize(("size", "stride"), [(0, 1), (64, 3), ("big", 1)])
def test_bad_input(size, stride):
    with pytest.raises(InputError, match="give a size"):
        dense.main(size, stride)
