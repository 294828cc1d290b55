"""The click benchmark: its baseline is the network, its figures fit, and it notices a wrong mask."""

import json
import subprocess
import sys

import click_speed
import pytest
import torch

from patchseg.errors import InputError
from patchseg.seqpatch import SeqPatchNet

SMALL = {"size": 72, "slices": 1, "steps": 3, "runtime": "torch", "seconds": 0.01}


def test_step_by_step_is_the_network():
    torch.manual_seed(0)
    net = SeqPatchNet(channels=(4, 6, 8)).eval()
    patches = torch.randn(32, 3, 32, 32)  # the rays of two clicks
    with torch.no_grad():
        torch.testing.assert_close(click_speed.StepByStep(net)(patches), net(patches), rtol=0, atol=1e-5)


def test_prints_one_json_object_last(repository):
    command = [sys.executable, "benchmarks/click_speed.py", *(f"--{key}={value}" for key, value in SMALL.items())]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures)[:10] == [
        "name",
        "ours_s",
        "baseline_s",
        "ratio",
        "max_error",
        "limit_s",
        "of_limit",
        "peak_rss_mb",
        "threads",
        "runtime",
    ]
    assert figures["name"] == "click_1x72_float32" and figures["rays"] % 16 == 0
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2)
    assert figures["max_error"] < 1e-4 and figures["dice_of_masks"] == 1 and figures["slices_found"] == 1


def test_a_wrong_mask_is_noticed(monkeypatch):
    monkeypatch.setattr(click_speed, "at_runtime", lambda net, *_: lambda patches: -net(patches))
    with pytest.raises(SystemExit, match="differs"):
        click_speed.main(**SMALL)


def test_bad_input():
    with pytest.raises(InputError, match="whole numbers from 1"):
        click_speed.main(size=0)
