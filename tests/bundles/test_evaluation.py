"""evaluate.json and inference.json on the same weights: two programs, one truth."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from mlflow import MlflowClient

sys.path.insert(0, str(Path(__file__).parent))
from program import TINY, end, run_arguments, start, tree
from tiny import TUMOUR


@pytest.fixture(scope="module")
def ended(tmp_path_factory, data, trained):
    """Evaluation of all cases, by the paper's protocol on the split's validation part, and inference."""
    folder, cwd = tmp_path_factory.mktemp("outputs"), tmp_path_factory.mktemp("elsewhere")
    given = {"dataset_dir": data, "checkpoint": trained / "model.pt", **TINY}
    split = {"split_file": trained / "split.json", "protocol": "paper", "tracking": "mlflow"}
    arguments = {
        "whole": run_arguments("evaluate", "evaluating", output_dir=folder / "whole", **given),
        "paper": run_arguments("evaluate", output_dir=folder / "paper", **split, **given),
        "masks": run_arguments("inference", output_dir=folder / "masks", **given),
    }
    programs = {name: start(*one, cwd=cwd) for name, one in arguments.items()}
    done = {name: end(program) for name, program in programs.items()}
    for name, one in done.items():
        assert one.code == 0, (name, one.err)
        assert "arning" not in one.err, (name, one.err)
    assert tree(cwd) == []
    return folder, done


def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())


def files_of(data: Path, name: str) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    return nib.load(data / name / "imaging.nii.gz"), nib.load(data / name / "segmentation.nii.gz")


def test_evaluation_writes_measures_of_every_case_and_a_table(ended):
    folder, done = ended
    found = results(folder / "whole")
    assert [case["name"] for case in found["cases"]] == [f"case_{n:05d}" for n in range(6)]
    assert found["about"]["protocol"] == "whole" and found["about"]["bundle"] == "crossover_kidney"
    assert found["summary"]["n"] == 6 and found["summary"]["mean"]["dsc"] > 0.5
    assert tree(folder / "whole") == ["pictures/epoch_001.png", "results.json"]
    assert "case_00003" in done["whole"].out and "mean" in done["whole"].out


def test_evaluation_and_inference_agree_in_the_grid_of_the_files(ended, data):
    folder, _ = ended
    for case in results(folder / "whole")["cases"]:
        _, label = files_of(data, case["name"])
        reference = np.asarray(label.dataobj) == TUMOUR
        mask = np.asarray(nib.load(mask_of(folder / "masks", case["name"])).dataobj) == 1
        voxel_ml = abs(np.linalg.det(label.affine[:3, :3])) / 1000
        assert case["reference_ml"] == pytest.approx(reference.sum() * voxel_ml, rel=1e-4)
        assert case["volume_ml"] == pytest.approx(mask.sum() * voxel_ml, rel=1e-4)
        dice = 2 * (mask & reference).sum() / (mask.sum() + reference.sum())
        assert case["dsc"] == pytest.approx(dice, abs=1e-5)


def mask_of(folder: Path, name: str) -> Path:
    (path,) = (folder / name).iterdir()
    return path


def test_masks_lie_on_their_scans(ended, data):
    folder, _ = ended
    assert len(tree(folder / "masks")) == 6, "one file per case, and nothing else"
    for name in (f"case_{n:05d}" for n in range(6)):
        image, _ = files_of(data, name)
        mask = nib.load(mask_of(folder / "masks", name))
        assert mask.shape == image.shape
        np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
        assert mask.get_data_dtype() == np.uint8
        assert set(np.unique(mask.dataobj)) == {0, 1}


def test_paper_protocol_takes_the_cases_of_the_split(ended, trained):
    folder, _ = ended
    found = results(folder / "paper")
    split = json.loads((trained / "split.json").read_text())
    assert [case["name"] for case in found["cases"]] == split["validate"]
    assert found["about"]["protocol"] == "paper" and found["summary"]["mean"]["dsc"] > 0.5
    # the paper's region keeps out what lies elsewhere, so the two protocols do not give the same figures
    whole = {case["name"]: case for case in results(folder / "whole")["cases"]}
    assert [case["dsc"] for case in found["cases"]] != [whole[case["name"]]["dsc"] for case in found["cases"]]


def test_tracked_evaluation(ended, trained):
    folder, _ = ended
    client = MlflowClient(f"sqlite:///{folder / 'paper'}/mlruns.db")
    experiment = client.get_experiment_by_name("crossover_kidney evaluation")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["protocol"] == "paper"
    assert run.data.params["checkpoint"] == str(trained / "model.pt")
    mean = results(folder / "paper")["summary"]["mean"]["dsc"]
    assert run.data.metrics["val_mean_dice"] == pytest.approx(mean, abs=1e-5)
    artifacts = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
    assert "pictures" in artifacts and any(path.startswith("config_") for path in artifacts)
