"""The GPU benchmark, its measurements tiny and on the CPU: figures, checks, table, and no GPU at all."""

import json
import subprocess
import sys
from functools import partial

import gpu
import gpu_epoch
import pytest
import torch
from click_speed import Counted, clicked_volume, ray_operations
from limit import operations
from table_gpu import gpu as table

from patchseg.crossover import CrossoverNet
from patchseg.seqpatch import ClickInferer, SeqPatchNet

TINY = {
    "crossover_dense_1x40": partial(gpu.dense, size=40),
    "crossover_dense_2x40_stride4": partial(gpu.dense, size=40, batch=2, stride=4),
    "click_2x72": partial(gpu.click, size=72, slices=2, steps=3),
    "crossover_training_1x64": partial(gpu.crossover_training, images=1, size=64),
    "seqpatch_training_1x4x2": partial(gpu.seqpatch_training, slices=1, rays=4, steps=2),
}
KEYS = [
    "name", "precision", "ms", "limit_ms", "of_limit", "baseline_ms", "ratio", "max_error", "peak_mb",
    "per_second", "unit",
]  # fmt: skip


def setting(precision="float32"):
    return gpu.Setting(torch.device("cpu"), precision, 1e9, 0.01)


@pytest.mark.parametrize("name", TINY)
def test_figures_and_checks_of_each(name):
    line = TINY[name](setting())
    assert list(line)[: len(KEYS)] == KEYS and line["name"] == name and line["precision"] == "float32"
    assert line["of_limit"] == pytest.approx(line["limit_ms"] / line["ms"], rel=0.01)
    assert line["max_error"] < 1e-4 and line.get("dice", 1) == 1 and line["peak_mb"] is None
    if line["ratio"] is not None:
        assert line["ratio"] == pytest.approx(line["baseline_ms"] / line["ms"], rel=0.01)
    assert gpu.wrong([line]) == ""


def test_all_precisions_into_a_table(capsys):
    lines = gpu.measure(torch.device("cpu"), 0.01, [TINY["seqpatch_training_1x4x2"]], side=64)
    assert [line["precision"] for line in lines] == list(gpu.PRECISIONS)
    assert [json.loads(text) for text in capsys.readouterr().out.splitlines()] == lines
    text = table({"about": {"device": "Card", "torch": "2.11", "cuda": "13"}, "lines": lines})
    assert (
        text.count("`seqpatch_training_1x4x2`") == 2
        and "tf32" not in text
        and "Card, torch 2.11, CUDA 13." in text
    )


def test_what_does_not_fit_is_left_out(capsys):
    def large(_):
        raise torch.OutOfMemoryError

    assert gpu.measure(torch.device("cpu"), 0.01, [large], side=64) == []
    assert "too little memory" in capsys.readouterr().out


def test_logits_of_the_next_pixel_are_noticed(monkeypatch):
    class OffByOne(CrossoverNet):
        def forward(self, image, stride=1):
            return torch.roll(super().forward(image, stride), 1, dims=3)

    monkeypatch.setattr(gpu, "CrossoverNet", OffByOne)
    line = gpu.dense(setting(), size=40)
    assert "crossover_dense_1x40" in gpu.wrong([line])
    assert gpu.wrong([line | {"precision": "bfloat16"}]) == ""
    assert gpu.wrong([line | {"max_error": float("nan")}]) != ""


def test_a_click_needs_what_its_rays_need():
    net, inferer, volume = SeqPatchNet().eval(), ClickInferer(steps=3), clicked_volume(72, 1)
    counted = Counted(net)
    inferer(volume, counted)
    assert operations(inferer, volume, net) == counted.rays * ray_operations(3)


def test_tf32_is_as_it_was_afterwards():
    before = torch.backends.cudnn.allow_tf32
    with gpu.tf32(not before):
        assert torch.backends.cudnn.allow_tf32 is not before
    assert torch.backends.cudnn.allow_tf32 is before


EPOCHS = {
    "crossover_epoch_2x1x64": partial(gpu_epoch.crossover_epoch, cases=3, slices_per_case=1, side=64, workers=0),
    "seqpatch_epoch_8x2x2": partial(gpu_epoch.seqpatch_epoch, slices=8, batch=4, rays=2, steps=2, workers=0),
}


@pytest.mark.parametrize("name", EPOCHS)
def test_an_epoch_as_monai_bundle_trains_it(name):
    line = EPOCHS[name](setting("bfloat16"))
    assert list(line) == KEYS and line["name"] == name and line["ms"] > 0
    text = table({"about": {"device": "Card", "torch": "2.11", "cuda": "13"}, "lines": [line]})
    assert f"| `{name}` | " in text and "a training epoch" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("script", ["gpu.py", "gpu_epoch.py"])
def test_says_so_without_a_gpu(script, repository, tmp_path):
    command = [sys.executable, f"benchmarks/{script}", "--results", str(tmp_path / "gpu.json")]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 2 and "torch finds no NVIDIA GPU" in done.stderr
    assert not (tmp_path / "gpu.json").exists()
