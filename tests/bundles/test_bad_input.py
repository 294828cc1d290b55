"""What is wrong with the input is said in one sentence, by every program, and nothing is left behind."""

import shutil
import sys
from pathlib import Path

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from program import CONFIGS, TINY, TRAINING, end, run_arguments, start, tree
from tiny import write_tree

from patchseg.data import find_cases, split_cases, write_split
from patchseg.errors import input_error_in

FIRST = "case_00000"  # a training case of fold 0, read first


@pytest.fixture
def broken(tmp_path, data) -> Path:
    """A copy of the data set to break."""
    return Path(shutil.copytree(data, tmp_path / "kits"))


@pytest.fixture
def quiet(monkeypatch):
    """What a run changes in this process is put back."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "path", list(sys.path))
    deterministic = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    yield
    torch.set_flush_denormal(False)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = deterministic


def sentence(config: str, **settings) -> str:
    """The sentence with which a run in this process ends."""
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which of MONAI's wrappers it is does not matter
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
    assert pytest.importorskip("re").search(message, found), found
    assert not (tmp_path / "output").exists()
