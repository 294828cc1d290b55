"""What is wrong with the input is said in one sentence, by every program, and nothing is left behind."""

import re
import shutil
import sys
from pathlib import Path

import monai.bundle
import nibabel as nib
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from program import CONFIGS, TINY, TRAINING, end, run_arguments, start, tree

from patchseg.data import split_cases, write_split
from patchseg.errors import input_error_in

FIRST = "case_00000"  # a training case of fold 0, read first


@pytest.fixture
def broken(tmp_path, data) -> Path:
    """A copy of the data set to break."""
    return Path(shutil.copytree(data, tmp_path / "kits"))


def sentence(config: str, **settings) -> str:
    """The sentence with which a run in this process ends."""
    with pytest.raises(Exception) as raised:
        monai.bundle.run(config_file=str(CONFIGS / f"{config}.json"), logging_file=False, **settings)
    wrong = input_error_in(raised.value)
    assert wrong is not None, raised.value
    return str(wrong)


def image_of(folder: Path, file: str = "imaging") -> tuple[Path, nib.Nifti1Image, np.ndarray]:
    path = folder / FIRST / f"{file}.nii.gz"
    image = nib.load(path)
    return path, image, np.asarray(image.dataobj).copy()


def no_labels(folder: Path) -> None:
    for label in folder.rglob("segmentation.nii.gz"):
        label.unlink()


def wrong_values(folder: Path) -> None:
    path, image, voxels = image_of(folder, "segmentation")
    voxels[0, 0, 0] = 9
    nib.save(nib.Nifti1Image(voxels, image.affine), path)


def other_shape(folder: Path) -> None:
    path, image, voxels = image_of(folder, "segmentation")
    nib.save(nib.Nifti1Image(voxels[:, :-1], image.affine), path)


def other_affine(folder: Path) -> None:
    path, image, voxels = image_of(folder, "segmentation")
    nib.save(nib.Nifti1Image(voxels, image.affine @ np.diag([1, 1, -1, 1])), path)


def with_nan(folder: Path) -> None:
    path, image, voxels = image_of(folder)
    voxels = voxels.astype(np.float32)
    voxels[0, 0, 0] = np.nan
    nib.save(nib.Nifti1Image(voxels, image.affine), path)


def constant(folder: Path) -> None:
    path, image, voxels = image_of(folder)
    nib.save(nib.Nifti1Image(np.zeros_like(voxels), image.affine), path)


def cut_short(folder: Path) -> None:
    path, _, _ = image_of(folder)
    path.write_bytes(path.read_bytes()[:-4000])


def no_image(folder: Path) -> None:
    image_of(folder)[0].write_text("version https://git-lfs.github.com/spec/v1\n")


BROKEN = [
    (no_labels, "images without a label: case_00000, case_00001"),
    (wrong_values, r"case_00000/segmentation.nii.gz holds the label values 9; allowed are \[0, 1, 2, 3\]"),
    (other_shape, r"case_00000/segmentation.nii.gz has shape \(4, 43, 48\) but its image"),
    (other_affine, r"case_00000/segmentation.nii.gz lies .* mm off its image"),
    (with_nan, "case_00000/imaging.nii.gz holds NaN or infinite values"),
    (constant, "case_00000/imaging.nii.gz has the value 0 everywhere"),
    (cut_short, "case_00000/imaging.nii.gz cannot be read"),
    (no_image, "case_00000/imaging.nii.gz cannot be read"),
]


@pytest.mark.parametrize(("break_it", "message"), BROKEN)
def test_broken_data_in_training(tmp_path, broken, quiet, break_it, message):
    break_it(broken)
    found = sentence("train", dataset_dir=str(broken), output_dir=str(tmp_path / "output"), **TRAINING)
    assert re.search(message, found), found
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("break_it", "message"), [BROKEN[0], BROKEN[1], BROKEN[2], BROKEN[4], BROKEN[6]])
def test_broken_data_in_evaluation(tmp_path, broken, trained, quiet, break_it, message):
    break_it(broken)
    given = {"dataset_dir": str(broken), "output_dir": str(tmp_path / "output"), **TINY}
    found = sentence("evaluate", checkpoint=str(trained / "model.pt"), **given)
    assert re.search(message, found), found
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(("break_it", "message"), BROKEN[4:])
def test_broken_data_in_inference(tmp_path, broken, trained, quiet, break_it, message):
    break_it(broken)
    given = {"dataset_dir": str(broken), "output_dir": str(tmp_path / "output"), **TINY}
    found = sentence("inference", checkpoint=str(trained / "model.pt"), **given)
    assert re.search(message, found), found
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"folds": 7}, "there are 6 patients for 7 folds"),
        ({"fold": 9}, "fold is 9; with 3 folds give 0 to 2"),
        ({"fold": "nine"}, "fold is 'nine'; give a whole number"),
        ({"tumour_label": 3}, "none of the 4 label files holds the value 3 .* --tumour_label"),
        ({"label_values": [0, 1]}, r"segmentation.nii.gz holds the label values 2; allowed are \[0, 1\]"),
        ({"window": [400, 0]}, r"window is \[400, 0\]"),
    ],
)
def test_settings_that_cannot_be(tmp_path, data, quiet, settings, message):
    given = {"dataset_dir": str(data), "output_dir": str(tmp_path / "output"), **TRAINING, **settings}
    found = sentence("train", **given)
    assert re.search(message, found), found
    assert not (tmp_path / "output").exists()


def test_checks_in_loading_processes_are_heard(tmp_path, broken, quiet):
    with_nan(broken)
    given = {"dataset_dir": str(broken), "output_dir": str(tmp_path / "output"), **TRAINING}
    found = sentence("train", **given, cache_rate=0.0, num_workers=1)
    assert "case_00000/imaging.nii.gz holds NaN" in found


@pytest.mark.parametrize("config", ["evaluate", "inference"])
def test_weights_that_do_not_belong(tmp_path, data, trained, quiet, config):
    given = {"dataset_dir": str(data), "output_dir": str(tmp_path / "output"), **TINY}
    missing = sentence(config, **given, checkpoint=str(tmp_path / "none.pt"))
    assert "there are no weights at" in missing and "none.pt" in missing
    other = sentence(config, **given, checkpoint=str(trained / "model.pt"), patch=[340, 68])
    assert "model.pt is a checkpoint of another network" in other
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes((trained / "model.pt").read_bytes()[:-2000])
    assert "damaged.pt cannot be read as weights" in sentence(config, **given, checkpoint=str(damaged))
    assert not (tmp_path / "output").exists()


def test_split_of_another_data_set(tmp_path, data, trained, quiet):
    other = [{"name": f"scan{n}", "patient": f"p{n}"} for n in range(6)]
    write_split(split_cases(other, folds=3), tmp_path / "split.json")
    given = {"dataset_dir": str(data), "output_dir": str(tmp_path / "output"), **TINY}
    given |= {"checkpoint": str(trained / "model.pt"), "split_file": str(tmp_path / "split.json")}
    assert "which is not in the data set" in sentence("evaluate", **given)
    assert "part 'all'" in sentence("evaluate", **given, part="all")
    assert not (tmp_path / "output").exists()


def test_checkpoint_of_another_training_is_refused_and_kept(tmp_path, data, trained, quiet):
    output = Path(shutil.copytree(trained, tmp_path / "output"))
    before = {name: (output / name).read_bytes() for name in tree(output)}
    given = {"dataset_dir": str(data), "output_dir": str(output), **TRAINING}
    assert "another network" in sentence("train", **given | {"patch": [340, 68]})
    assert "another seed" in sentence("train", **given | {"seed": 1})
    (output / "last.pt").write_bytes(before["last.pt"][:-3000])
    assert "last.pt is damaged" in sentence("train", **given)
    (output / "last.pt").write_bytes(before["last.pt"])
    assert {name: (output / name).read_bytes() for name in tree(output)} == before


def test_real_programs_say_one_sentence_and_end_with_2(tmp_path, broken, data, trained):
    with_nan(broken)
    damaged = Path(shutil.copytree(data, tmp_path / "damaged"))
    cut_short(damaged)
    weights = {"checkpoint": trained / "model.pt", **TINY}
    asked = {
        "nowhere does not exist": run_arguments("train", "training", dataset_dir=tmp_path / "nowhere"),
        "holds NaN": run_arguments("train", dataset_dir=broken, **TRAINING),
        "fold is 9": run_arguments("train", dataset_dir=data, **TRAINING | {"fold": 9}),
        "there are no weights": run_arguments("evaluate", "evaluating", dataset_dir=data, checkpoint="no.pt"),
        "cannot be read": run_arguments("inference", dataset_dir=damaged, **weights),
    }
    output = tmp_path / "output"
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    programs = {said: start(*one, "--output_dir", output, cwd=cwd) for said, one in asked.items()}
    for said, program in programs.items():
        ended = end(program)
        assert ended.code == 2, (said, ended)
        assert "Traceback" not in ended.err + ended.out
        lines = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 and said in lines[0], ended.err
        assert ended.err.strip().endswith(lines[0]), "the sentence is the last thing to be read"
    assert not output.exists() and tree(cwd) == []
