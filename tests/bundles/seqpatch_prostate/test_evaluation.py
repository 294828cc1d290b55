"""evaluate.json: what it measures, writes and shows, in every layout."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from matplotlib.image import imread
from mlflow import MlflowClient
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from click_program import TINY, click_arguments, results, run_here
from program import end, start, tree
from tiny_mr import NAMES, scan


@pytest.fixture(scope="module")
def ended(tmp_path_factory, data, plain, trained):
    """Evaluation of all cases, and of the split's validation part with clicks beside the middle, tracked."""
    folder, cwd = tmp_path_factory.mktemp("outputs"), tmp_path_factory.mktemp("elsewhere")
    given = {"checkpoint": trained / "model.pt", **TINY}
    beside = {"split_file": trained / "split.json", "click_offset": 5, "tracking": "mlflow"}
    arguments = {
        "all": click_arguments("evaluate", "evaluating", dataset_dir=plain, output_dir=folder / "all", **given),
        "off": click_arguments("evaluate", dataset_dir=data, output_dir=folder / "off", **beside, **given),
    }
    programs = {name: start(*one, cwd=cwd) for name, one in arguments.items()}
    done = {name: end(program) for name, program in programs.items()}
    for name, one in done.items():
        assert one.code == 0, (name, one.err)
        assert "arning" not in one.err, (name, one.err)
    assert tree(cwd) == []
    return folder, done


def test_measures_of_every_case_and_a_table(ended):
    folder, done = ended
    found = results(folder / "all")
    assert [case["name"] for case in found["cases"]] == list(NAMES)
    assert found["about"]["bundle"] == "seqpatch_prostate" and found["about"]["click_offset"] == 0
    assert found["summary"]["n"] == 6 and found["summary"]["mean"]["dsc"] > 0.5
    for case in found["cases"]:
        voxel_ml = abs(np.linalg.det(scan(NAMES.index(case["name"])).label.affine[:3, :3])) / 1000
        reference = np.asarray(scan(NAMES.index(case["name"])).label.dataobj)
        assert case["reference_ml"] == pytest.approx(reference.sum() * voxel_ml, rel=1e-3)
        assert 0 < case["lowest_confidence"] <= case["confidence"] <= 1
        for part in ("whole", "base", "apex"):
            assert case[f"{part}_abd_mm"] <= case[f"{part}_hd95_mm"] < 20
    assert "Case03" in done["all"].out and "mean" in done["all"].out and "seconds" in done["all"].out


def test_pictures_of_the_cases_and_of_the_method(ended):
    folder, _ = ended
    assert tree(folder / "all") == ["pictures/epoch_001.png", "pictures/rays.png", "results.json"]
    for name in ("epoch_001", "rays"):
        picture = imread(folder / "all" / "pictures" / f"{name}.png")
        assert min(picture.shape[:2]) > 300 and picture[..., :3].std() > 0.05


def test_the_same_numbers_again(tmp_path, data, ended, trained, quiet):
    """From files of another layout, and with clicks drawn at random."""
    folder, _ = ended
    run_here("evaluate", dataset_dir=data, checkpoint=trained / "model.pt", output_dir=tmp_path / "all", **TINY)
    for one, other in zip(results(tmp_path / "all")["cases"], results(folder / "all")["cases"], strict=True):
        # headers of MHD and NIfTI round differently, which may move a pixel of the mask
        assert one["name"] == other["name"] and one["dsc"] == pytest.approx(other["dsc"], abs=0.02)
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", "split_file": trained / "split.json"}
    run_here("evaluate", **given, click_offset=5, output_dir=tmp_path / "off", **TINY)
    assert results(tmp_path / "off") == results(folder / "off")


def test_clicks_beside_the_middle(ended, trained):
    folder, _ = ended
    found = results(folder / "off")
    split = json.loads((trained / "split.json").read_text())
    assert [case["name"] for case in found["cases"]] == split["validate"]
    assert found["about"]["click_offset"] == 5 and found["summary"]["mean"]["dsc"] > 0.5
    middle = {case["name"]: case["dsc"] for case in results(folder / "all")["cases"]}
    assert [case["dsc"] for case in found["cases"]] != [middle[case["name"]] for case in found["cases"]]


def test_tracked_evaluation(ended, trained):
    folder, _ = ended
    client = MlflowClient(f"sqlite:///{folder / 'off'}/mlruns.db")
    experiment = client.get_experiment_by_name("seqpatch_prostate evaluation")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert (run.data.params["click_offset"], run.data.params["steps"]) == ("5", "4")
    assert run.data.params["checkpoint"] == str(trained / "model.pt")
    mean = results(folder / "off")["summary"]["mean"]
    assert run.data.metrics["val_mean_dice"] == pytest.approx(mean["dsc"], abs=1e-5)
    assert run.data.metrics["val_mean_abd_mm"] == pytest.approx(mean["whole_abd_mm"], abs=1e-5)
    assert "pictures" in [artifact.path for artifact in client.list_artifacts(run.info.run_id)]


def test_slices_as_pictures(tmp_path, trained, quiet):
    """PNG files have two axes, and so have the masks that are measured on them."""
    for number in range(2):
        image, label, *_ = scan(number)
        for kind, array in (("images", image.get_fdata() / 4), ("labels", label.get_fdata())):
            (tmp_path / "png" / kind).mkdir(parents=True, exist_ok=True)
            slice_ = array[..., 2].T.clip(0, 255).astype(np.uint8)
            Image.fromarray(slice_).save(tmp_path / "png" / kind / f"p{number}_z002.png")
    given = {"dataset_dir": tmp_path / "png", "checkpoint": trained / "model.pt", **TINY}
    run_here("evaluate", output_dir=tmp_path / "output", **given)
    found = results(tmp_path / "output")
    assert found["summary"]["n"] == 2 and found["summary"]["mean"]["dsc"] > 0.5


def test_prostate_of_the_decathlon(tmp_path, trained, quiet):
    """Task05: two channels, the gland in two zones, listed in dataset.json."""
    folder = tmp_path / "Task05_Prostate"
    pairs = []
    for number in range(2):
        image, label, *_ = scan(number)
        zones = np.asarray(label.dataobj) * (1 + (np.arange(label.shape[0]) > 31)[:, None, None])
        channels = np.stack([np.asarray(image.dataobj), np.zeros_like(image.dataobj)], -1)
        name = f"prostate_{number:02d}.nii.gz"
        for kind, array in (("imagesTr", channels), ("labelsTr", zones.astype(np.uint8))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array, image.affine), folder / kind / name)
        pairs.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    (folder / "dataset.json").write_text(json.dumps({"training": pairs, "test": []}))
    given = {"dataset_dir": folder, "checkpoint": trained / "model.pt", "channel": 0, **TINY}
    run_here("evaluate", output_dir=tmp_path / "output", **given)
    for number, case in enumerate(results(tmp_path / "output")["cases"]):
        label = scan(number).label
        voxel_ml = abs(np.linalg.det(label.affine[:3, :3])) / 1000
        assert case["reference_ml"] == pytest.approx(np.asarray(label.dataobj).sum() * voxel_ml, rel=1e-3)
        assert case["dsc"] > 0.5
