"""The benchmarks of speed: their figures, that they notice wrong ones, and what is made of all of them."""

import json
import os
import subprocess
import sys

import air
import click_precision
import lattice_training
import nibabel as nib
import numpy as np
import own_process
import peers
import pytest
import runtimes
import scaling
import speed
import table_speed
import torch
import volume

from patchseg.crossover import CrossoverNet, LatticeNet
from patchseg.errors import InputError

KEYS = ["name", "ours_s", "baseline_s", "ratio", "max_error", "limit_s", "of_limit"]
KEYS += ["peak_rss_mb", "threads", "runtime"]


@pytest.fixture
def quickly(monkeypatch):
    """No waiting for the machine's rate, and no process of its own for what is measured."""
    for module in (lattice_training, peers, scaling, volume):
        monkeypatch.setattr(module, "matrix_rate", lambda precision="float32": 1e9)
    for module in (peers, volume):
        monkeypatch.setattr(module, "in_own_process", lambda function, *args: (function(*args), 700))


def last(capsys):
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(figures)[: len(KEYS)] == KEYS
    assert figures["ours_s"] > 0 and figures["limit_s"] > 0 and figures["peak_rss_mb"] > 50
    return figures


def test_a_script_prints_one_json_object_last(repository):
    options = ["--size", "24", "--pairs", "9", "--seconds", "0.01"]
    command = [sys.executable, "benchmarks/lattice_training.py", *options]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert list(figures) == KEYS and figures["max_error"] < 1e-4


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_ratio_is_of_pixels_per_second(quickly, capsys, precision):
    lattice_training.main(21, 2, 7, precision, seconds=0.01)
    figures = last(capsys)
    assert figures["name"] == f"crossover_training_21_{precision}"
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2)
    assert figures["max_error"] < (1e-4 if precision == "float32" else 0.5)


def test_gradients_of_other_pixels_are_noticed(quickly, monkeypatch):
    class OffByOne(LatticeNet):
        def forward(self, image):
            return super().forward(torch.roll(image, 1, dims=3))

    monkeypatch.setattr(lattice_training, "LatticeNet", OffByOne)
    with pytest.raises(SystemExit, match="gradients differ"):
        lattice_training.main(24, 1, 8, seconds=0.01)


def test_memory_is_that_of_a_process_of_its_own():
    held = np.ones(40_000_000)  # 320 MB here, none there
    assert own_process.peak_rss_mb() > 320
    pid, peak = own_process.in_own_process(os.getpid)
    assert pid != os.getpid() and peak < own_process.peak_rss_mb() - 250
    assert held.size


@pytest.mark.parametrize(("task", "size"), [("slice", 32), ("every_pixel", 32), ("click_volume", 64)])
def test_peers(quickly, monkeypatch, capsys, task, size):
    monkeypatch.setattr(peers, "STEPS", 1)
    peers.main(task, size, slices=3, cube=32, runtime="torch", seconds=0.01)
    figures = last(capsys)
    assert figures["name"] == f"peers_{task}_{size}" + "x3" * (task == "click_volume") + "_float32"
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2, abs=0.1)


def test_the_refined_lattice_beside_a_peer(quickly, monkeypatch, capsys):
    monkeypatch.delenv("PATCHSEG_DATA", raising=False)
    peers.main("refined", slices=2, runtime="torch", seconds=0.01)
    figures = last(capsys)
    assert figures["name"] == "peers_refined_float32"
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2)


def test_a_click_in_three_slices_needs_twice_the_operations_for_half_the_rays_in_carried_ones(monkeypatch):
    monkeypatch.setattr(peers, "at_runtime", lambda network, *_: lambda patches: 0 * patches)
    how = ("torch", "float32", 0.01)
    one, three = (peers.ours_seconds(task, 64, 3, *how)[1] for task in ("click_slice", "click_volume"))
    assert three == 2 * one > 0


def test_the_zoo_s_network_reads_an_image_and_two_channels_of_clicks():
    with torch.device("meta"):
        assert peers.deepedit_network()(torch.empty(1, 3, 64, 64, 32)).shape == (1, 2, 64, 64, 32)


@pytest.fixture
def small_phantom(monkeypatch):
    """In place of both phantoms: a body of 60 x 54 x 12 mm with a bright organ off its middle."""
    label = np.zeros((40, 36, 4), np.uint8)
    label[12:26, 10:24] = 1
    image = np.where(label, 300, 40).astype(np.int16)
    image[:3] = -1000
    affine = np.array([[1.5, 0, 0, -20], [0, 1.5, 0, 7], [0, 0, 3, 90], [0, 0, 0, 1.0]])
    for name in ("ct_phantom", "mr_phantom"):
        monkeypatch.setattr(volume, name, lambda seed: (image, label, affine))
    return image, label, affine


def test_a_scan_covers_the_phantom_and_the_click_its_organ(small_phantom, tmp_path):
    image, label, affine = small_phantom
    click = volume.write_scan("mr", (96, 80, 7), tmp_path / "scan.nii.gz")
    scan = nib.load(tmp_path / "scan.nii.gz")
    assert scan.shape == (96, 80, 7)
    for end in (np.zeros(3), np.ones(3)):  # outer edges of the first and last voxels
        there, expected = (
            grid @ [*(end * shape - 0.5), 1] for grid, shape in ((scan.affine, scan.shape), (affine, image.shape))
        )
        np.testing.assert_allclose(there, expected, atol=1e-3)
    there = np.linalg.inv(affine) @ scan.affine @ [*click, 1]
    np.testing.assert_allclose(there[:3], np.argwhere(label).mean(0), atol=0.6)


@pytest.mark.parametrize(("kind", "shape"), [("ct", (48, 4)), ("mr", (64, 2))])
def test_a_volume_s_stages_add_up(quickly, small_phantom, capsys, kind, shape):
    volume.main(kind, *shape, runtime="torch")
    figures = last(capsys)
    assert list(figures["stages"]) == ["start", "read", "to grid", "network", "clean", "invert", "write"]
    rest = sum(figures["stages"].values()) - figures["stages"]["start"]
    assert figures["ours_s"] == pytest.approx(rest, abs=0.01)
    assert figures["network_share"] == pytest.approx(figures["stages"]["network"] / rest, abs=0.01)


def test_scaling(quickly, capsys):
    scaling.main(quick=True, runtime="torch", seconds=0.01)
    growth = last(capsys)["growth"]
    assert growth["pixels of an image"]["amounts"] == [256, 1024]
    assert all(len(found["seconds"]) == 2 for found in growth.values()) and len(growth) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: lattice_training.main(8, pairs=200),
        lambda: peers.main("organ"),
        lambda: volume.main("us"),
        lambda: speed.main(only="nothing"),
    ],
)
def test_bad_input(call):
    with pytest.raises(InputError, match="give"):
        call()


def figures_of(name, **more):
    values = [name, 0.5, 100.0, 200.0, 1e-5, 0.4, 0.8, 900, 2, "torch"]
    return dict(zip(KEYS, values, strict=True)) | more


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """Three benchmarks that know their figures, and one that fails."""
    none = dict.fromkeys(("baseline_s", "ratio", "max_error"))
    stages = {"start": 1.0, "read": 0.1, "network": 0.3, "write": 0.1}
    growth = {"slices": {"amounts": [1, 2, 4], "seconds": [1.0, 2.0, 4.0], "exponent": 1.0}}
    printed = {
        "dense.py": figures_of("crossover_dense_512"),
        "volume.py": figures_of("volume_ct_512x512x100", **none, network_share=0.6, stages=stages),
        "scaling.py": figures_of("scaling", **none, growth=growth),
    }
    for name, figures in printed.items():
        (tmp_path / name).write_text(f"print('words')\nprint({json.dumps(figures)!r})\n")
    (tmp_path / "broken.py").write_text("raise SystemExit('different')\n")
    monkeypatch.setattr(speed, "FOLDER", tmp_path)
    return tuple(printed)


def test_all_into_one_file_a_chart_and_a_table(scripts, tmp_path):
    out = tmp_path / "results" / "speed.json"
    speed.main(out=str(out), commands=scripts)
    results = json.loads(out.read_text())
    assert [found["command"] for found in results["benchmarks"]] == list(scripts)
    assert out.with_suffix(".png").stat().st_size > 5000
    table = table_speed.speed(results)
    row = "| `crossover_dense_512` | Crossover-Net at every pixel | patch pairs | 200 | 0.80 | 1e-05 | 900 |"
    assert row in table.splitlines()
    assert "takes 60 % of the time" in table and "power of 1.00 (slices)" in table
    assert "0.5" not in table  # no absolute times


def test_a_benchmark_run_again_replaces_its_figures_alone(scripts, tmp_path):
    out = tmp_path / "speed.json"
    speed.main(out=str(out), commands=scripts)
    (tmp_path / "dense.py").write_text(f"print({json.dumps(figures_of('crossover_dense_512', ratio=7.0))!r})\n")
    speed.main(only="dense", out=str(out), commands=scripts)
    ratios = {found["name"]: found["ratio"] for found in json.loads(out.read_text())["benchmarks"]}
    assert ratios == {"crossover_dense_512": 7.0, "volume_ct_512x512x100": None, "scaling": None}


def test_a_benchmark_that_fails_is_named_and_the_others_kept(scripts, tmp_path):
    out = tmp_path / "speed.json"
    with pytest.raises(InputError, match=r"left out: broken\.py\."):
        speed.main(out=str(out), commands=("broken.py", *scripts))
    assert [found["command"] for found in json.loads(out.read_text())["benchmarks"]] == list(scripts)
    (tmp_path / "dense.py").write_text("print('no figures')\n")
    with pytest.raises(InputError, match=r"left out: dense\.py"):
        speed.main(only="dense", out=str(out), commands=scripts)
    assert [found["command"] for found in json.loads(out.read_text())["benchmarks"]] == list(scripts[1:])


def test_every_command_is_a_script_of_this_folder(repository):
    assert all((repository / "benchmarks" / command.split()[0]).is_file() for command in speed.COMMANDS)


def test_runtimes_give_the_same_numbers_and_those_that_are_missing_say_why(monkeypatch, tmp_path):
    def missing(net, inputs):
        raise runtimes.Unavailable("needs a compiler")

    monkeypatch.setattr(runtimes, "RUNTIMES", {"torch": runtimes.RUNTIMES["torch"], "torch.compile": missing})
    runtimes.main(12, 1, seconds=0.01, results=str(tmp_path / "runtimes.json"))
    found = json.loads((tmp_path / "runtimes.json").read_text())
    for task in found["tasks"].values():
        assert task["torch.compile"] == "needs a compiler"
        assert 0 < task["torch"]["seconds"] <= 10 * task["torch"]["first_s"]
    table = table_speed.runtimes(found)
    assert "| Crossover-Net, every pixel | torch | 1.00 |" in table and "needs a compiler" in table


def test_a_runtime_with_other_numbers_is_noticed():
    def wrong(net, inputs):
        return lambda patches: net(patches).roll(1)

    net, inputs = CrossoverNet().eval(), torch.rand(1, 1, 9, 9)
    with pytest.raises(SystemExit, match="wrong differs"):
        runtimes.measure(wrong, net, inputs, net(inputs).detach(), 0.01)


def test_air_that_is_skipped_leaves_the_mask_and_is_counted(monkeypatch, capsys):
    slice_ = np.zeros((30, 24), np.float32)
    slice_[6:26, 4:20] = 1.5
    monkeypatch.setattr(air, "real_slices", lambda: [slice_, slice_])
    monkeypatch.setattr(air, "matrix_rate", lambda: 1e9)
    air.main()
    figures = last(capsys)
    assert figures["judged"] == round(20 * 16 / (30 * 24), 3) and figures["same_mask"] == 1
    assert figures["ratio"] == pytest.approx(figures["baseline_s"] / figures["ours_s"], rel=0.2)


def test_what_a_precision_costs_is_told_of_all_slices_and_of_the_worst_set():
    found = {"one": {"float32": [0.8, 0.6], "int8": [0.7, 0.6]}, "other": {"float32": [0.5], "int8": [0.6]}}
    summary = click_precision._summary(found, "int8", {"float32": 3.0, "int8": 1.0})
    assert summary["slices"] == 3 and summary["dsc_change"] == 0 and summary["times_faster"] == 3
    assert summary["largest_change_of_a_slice"] == 0.1 and summary["lowest_change_of_a_set"] == -0.05
    assert "| int8 | 3 |" in table_speed.click_precision({"precisions": {"int8": summary}})
