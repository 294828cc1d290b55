"""Bad inputs of the bundles' own programs, `python -m monai.bundle run`: data sets, labels, settings, weights."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
KIDNEY, PROSTATE = "crossover_kidney", "seqpatch_prostate"
FIRST = "case_00000"
Spoil = Callable[[Path], object]


class BadRun(NamedTuple):
    """One bad run: bundle and config, settings typed, a part of the sentence, and what spoils the data before."""

    name: str
    config: str
    settings: dict[str, object]
    said: str
    spoil: Spoil | None = None
    bundle: str = KIDNEY

    def arguments(self, folder: Path, data: Path) -> list[str]:
        """What is typed behind `python -m monai.bundle`; `{place}` in a setting is the folder."""
        given = {
            "dataset_dir": data,
            "output_dir": folder / "output",
            "logging_file": False,
            **({"canvas": [48, 48], "folds": 3, "max_epochs": 1} if self.config == "train" else {}),
            **self.settings,
        }
        typed = [
            text
            for key, value in given.items()
            if value is not None
            for text in (f"--{key}", str(value).replace("{place}", str(folder)))
        ]
        return ["run", "--config_file", str(BUNDLES / self.bundle / f"configs/{self.config}.json"), *typed]


def changed(file: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Change the voxels of the first case's image or label."""

    def spoil(data: Path) -> None:
        path = data / FIRST / f"{file}.nii.gz"
        image = nib.load(path)
        nib.save(nib.Nifti1Image(change(np.asarray(image.dataobj).copy()), image.affine), path)

    return spoil


def with_corner(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(voxels: np.ndarray) -> np.ndarray:
        voxels = voxels.astype(np.float32)
        voxels[0, 0, 0] = value
        return voxels

    return change


def all_empty(data: Path) -> None:
    for path in data.rglob("segmentation.nii.gz"):
        image = nib.load(path)
        nib.save(nib.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), path)


def moved_label(data: Path) -> None:
    path = data / FIRST / "segmentation.nii.gz"
    image = nib.load(path)
    affine = image.affine.copy()
    affine[:3, 3] += 7
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), path)


def cut_label(data: Path) -> None:
    path = data / FIRST / "segmentation.nii.gz"
    path.write_bytes(path.read_bytes()[:-40])


def no_labels(data: Path) -> None:
    for path in data.rglob("segmentation.nii.gz"):
        path.unlink()


def no_image(data: Path) -> None:
    (data / FIRST / "imaging.nii.gz").unlink()


def emptied(data: Path) -> None:
    shutil.rmtree(data)
    data.mkdir()


def instead(*names: str) -> Spoil:
    """Another data set with these files: the first case's image, or of another ending a text."""

    def spoil(data: Path) -> None:
        image = (data / FIRST / "imaging.nii.gz").read_bytes()
        emptied(data)
        for name in names:
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_bytes(image if name.endswith(".nii.gz") else b"text")

    return spoil


def listing(name: str, text: str) -> Spoil:
    return lambda data: (data / name).write_text(text)


def beside(name: str, text: str) -> Spoil:
    return lambda data: (data.parent / name).write_text(text)


# config, name: settings, what is said
SETTINGS: dict[tuple[str, str], tuple[dict[str, object], str]] = {
    ("train", "mistyped"): ({"max_epoch": 3}, "train.json has no max_epoch: did you mean max_epochs?"),
    ("train", "unknown"): ({"colour": "red"}, "train.json has no colour"),
    ("train", "unknown_nested"): ({"train#traner": 3}, "train.json has no train#traner: did you mean trainer?"),
    ("train", "text_epochs"): ({"max_epochs": "many"}, "max_epochs is 'many'; train.json has 60 there"),
    ("train", "no_epochs"): ({"max_epochs": 0}, "max_epochs is 0"),
    ("train", "negative_epochs"): ({"max_epochs": -5}, "max_epochs is -5"),
    ("train", "no_batch"): ({"batch_size": 0}, "batch_size is 0"),
    ("train", "text_batch"): ({"batch_size": "large"}, "batch_size is 'large'"),
    ("train", "negative_rate"): ({"learning_rate": -0.1}, "learning_rate is -0.1"),
    ("train", "nan_rate"): ({"learning_rate": "nan"}, "learning_rate is 'nan'"),
    ("train", "negative_workers"): ({"num_workers": -1}, "num_workers is -1"),
    ("train", "dropout"): ({"dropout": 3}, "dropout is 3"),
    ("train", "share"): ({"tumour_share": 2}, "tumour_share is 2"),
    ("train", "text_canvas"): ({"canvas": "large"}, "canvas is 'large'"),
    ("train", "one_fold"): ({"folds": 1}, "folds is 1; give 2 or more"),
    ("train", "half_fold"): ({"folds": 2.5}, "folds is 2.5; give a whole number"),
    ("train", "many_folds"): ({"folds": 7}, "there are 6 patients for 7 folds"),
    ("train", "fold_too_high"): ({"fold": 3}, "fold is 3; with 3 folds give 0 to 2"),
    ("train", "negative_fold"): ({"fold": -1}, "fold is -1; with 3 folds give 0 to 2"),
    ("train", "text_fold"): ({"fold": "nine"}, "fold is 'nine'"),
    ("train", "negative_seed"): ({"seed": -1}, "seed is -1"),
    ("train", "absent_label"): ({"tumour_label": 3}, "none of the 4 label files holds the value 3"),
    ("train", "few_values"): ({"label_values": [0, 1]}, "holds the label values 2; allowed are [0, 1]"),
    ("train", "turned_window"): ({"window": [400, 0]}, "window is [400, 0]"),
    ("train", "text_window"): ({"window": "soft"}, "window is 'soft'"),
    ("train", "negative_spacing"): ({"spacing": -2}, "spacing is -2"),
    ("train", "precision"): ({"precision": "float8"}, "precision is 'float8'"),
    ("train", "no_initial_weights"): ({"initial_weights": "{place}/none.pt"}, "there are no weights at"),
    ("train", "no_data_set"): ({"dataset_dir": "{place}/none"}, "none does not exist"),
    ("train", "file_as_data_set"): ({"dataset_dir": f"{{place}}/data/{FIRST}/imaging.nii.gz"}, "is a file"),
    ("train", "output_below_a_file"): (
        {"output_dir": f"{{place}}/data/{FIRST}/imaging.nii.gz/out"},
        "cannot be written",
    ),
    ("evaluate", "no_weights"): ({"checkpoint": "{place}/none.pt"}, "there are no weights at"),
    ("evaluate", "text_weights"): ({"checkpoint": "{place}/notes.pt"}, "cannot be read as weights"),
    ("evaluate", "no_split"): ({"split_file": "{place}/none.json"}, "none.json does not exist"),
    ("evaluate", "text_split"): ({"split_file": "{place}/notes.pt"}, "is not a split"),
    ("evaluate", "runtime"): ({"runtime": "tensorrt"}, "runtime is 'tensorrt'"),
    ("evaluate", "other_network"): ({"patch": [340, 68]}, "is a checkpoint of another network"),
    ("inference", "mistyped"): (
        {"dataset_dirs": "x"},
        "inference.json has no dataset_dirs: did you mean dataset_dir?",
    ),
    ("inference", "precision"): ({"precision": "float8"}, "precision is 'float8'"),
}
# name: what spoils the data of a training, what is said
DATA: dict[str, tuple[Spoil, str]] = {
    "empty": (emptied, "holds no labelled images"),
    "broken_listing": (listing("dataset.json", "{"), "dataset.json is not an MSD listing"),
    "listing_of_nothing": (
        listing("dataset.json", '{"training": [{"image": "a.nii", "label": "b.nii"}]}'),
        "files that do not exist: a.nii, b.nii",
    ),
    "empty_index": (listing("index.csv", ""), "index.csv is empty"),
    "index_without_columns": (listing("index.csv", "a,b\n1,2\n"), "index.csv lacks the column file"),
    "no_labels": (no_labels, "images without a label"),
    "no_image": (no_image, "cases without imaging.nii.gz: case_00000"),
    "cut_label": (cut_label, "segmentation.nii.gz cannot be read"),
    "float_label": (changed("segmentation", with_corner(0.5)), "holds the label values 0.5"),
    "negative_label": (changed("segmentation", with_corner(-1)), "holds the label values -1"),
    "unknown_label": (changed("segmentation", with_corner(9)), "holds the label values 9"),
    "nan_label": (changed("segmentation", with_corner(np.nan)), "holds the label values nan"),
    "empty_labels": (all_empty, "none of the 4 label files holds the value 2"),
    "other_shape": (changed("segmentation", lambda voxels: voxels[:, :-1]), "has shape"),
    "moved_label": (moved_label, "mm off its image"),
    "acdc_without_frames": (
        instead("training/patient001/patient001_frame01.nii.gz", "training/patient002/Info.cfg"),
        "patients without a frame: patient002",
    ),
    "mms_without_list": (
        instead("Training/A0S9V9/A0S9V9_sa.nii.gz", "Training/A0S9V9/A0S9V9_sa_gt.nii.gz"),
        "holds scans of M&Ms but no CSV file",
    ),
    "sunnybrook_without_images": (
        instead("SC-HF-I-01/contours-manual/IRCCI-expert/IM-0001-0048-icontour-manual.txt"),
        "has contours without their DICOM image",
    ),
    "inbreast_broken_outlines": (
        instead("AllDICOMs/20586908_6c613a14b80a8591_MG_R_CC_ANON.dcm", "AllXML/20586908.xml"),
        "20586908.xml cannot be read as INbreast's list of outlines",
    ),
    "cbis_without_mammogram": (
        instead("Mass-Training_P_00001_LEFT_CC_1/1-1.dcm"),
        "masses without their mammogram: Mass-Training_P_00001_LEFT_CC;",
    ),
    "nan_image": (changed("imaging", with_corner(np.nan)), "holds NaN or infinite values"),
}
# name: settings of seqpatch_prostate's inference, what is said
CLICKS: dict[str, tuple[dict[str, object], str]] = {
    "none": ({}, "has no foreground click"),
    "text": ({"foreground": "[[here]]"}, "three whole numbers"),
    "outside": ({"foreground": [[480, 0, 0]]}, "lies outside"),
    "negative": ({"foreground": [[-1, 20, 2]]}, "lies outside"),
    "no_cell": ({"cell": "gated"}, "cell is"),
    "in_air": ({"foreground": [[1, 1, 1]]}, "lies in air"),
    "both": ({"foreground": [[1, 22, 24]], "background": [[1, 22, 24]]}, "both inside and outside"),
}


def entries() -> list[BadRun]:
    """The catalogue of runs."""
    found = [BadRun(f"{c} {n}", c, settings, said) for (c, n), (settings, said) in SETTINGS.items()]
    found += [BadRun(f"data {name}", "train", {}, said, spoil) for name, (spoil, said) in DATA.items()]
    return found + [
        BadRun(f"clicks {name}", "inference", settings, said, bundle=PROSTATE)
        for name, (settings, said) in CLICKS.items()
    ]
