"""Real organs as slice sets: one object in one slice each, for training and measuring one click on many organs.

    python benchmarks/organs.py --data ../shared/data --out runs/organs

Writes one folder per set with images/, labels/ and index.csv (8-bit PNG, label 1 is the object): `train`, heart
and kidney slices of three quarters of the patients; `train_public`, those of them in the public domain;
`sunnybrook_lv`, `acdc` and `kits19`, of the other patients; and `prostate`, `left_atrium` and `breast_ultrasound`,
which are never trained on. Pixels are kept as acquired: sizes are drawn at random in training, and found from the
image in use. Only MR whose spacing is known, and never trained on, is brought to one grid, a little coarser than
the bundle's.
"""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import fire
import nibabel as nib
import numpy as np
from monai.transforms import KeepLargestConnectedComponent
from PIL import Image
from skimage.measure import label as connected_parts
from skimage.transform import resize
from tqdm import tqdm

from patchseg.data import split_cases
from patchseg.errors import InputError, show_as_sentence

GRID_MM = 1.25  # between pixels of a slice whose spacing is known, whatever grid the bundle takes
LEAST = 100  # pixels of an object
TESTED = ("sunnybrook_lv", "acdc", "kits19")
PUBLIC = "sunnybrook_lv"  # the only one whose licence lets weights be shipped under the project's own
NEVER_TRAINED = ("prostate", "left_atrium", "breast_ultrasound")
SPACING_MM = 0.625  # written for every slice, whatever it is; trained on with the same, so that none is resampled


class Object(NamedTuple):
    """One object in one slice: (H, W) image of any scale and mask, its patient, and a name unique in its set."""

    patient: str
    name: str
    image: np.ndarray
    mask: np.ndarray


def main(data: str, out: str = "runs/organs", seed: int = 0) -> None:
    """Write all sets.

    Args:
        data: folder with sunnybrook_lv, acdc, kits19_slices, prostate, left_atrium and breast_ultrasound.
        out: folder to write to; sets that are there already are replaced.
        seed: of the split into patients trained on and held out.
    """
    source, target = Path(data).expanduser(), Path(out)
    if not source.is_dir():
        raise InputError(f"{source} does not exist; give the folder that holds the data sets.")
    shutil.rmtree(target / "train", ignore_errors=True)
    for name in TESTED:
        objects = list(SETS[name](source))
        patients = [{"name": patient, "patient": patient} for patient in sorted({o.patient for o in objects})]
        held_out = {case["patient"] for case in split_cases(patients, folds=4, seed=seed)["validate"]}
        write_set(target / name, [o for o in objects if o.patient in held_out])
        trained_on = [o for o in objects if o.patient not in held_out]
        write_set(target / "train", trained_on, add=True)
        if name == PUBLIC:
            write_set(target / "train_public", trained_on)
    for name in NEVER_TRAINED:
        write_set(target / name, SETS[name](source))


def write_set(folder: Path, objects: Iterator[Object] | list[Object], add: bool = False) -> None:
    """Write objects as a slice set that `patchseg.data.find_cases` reads."""
    if not add:
        shutil.rmtree(folder, ignore_errors=True)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    index = folder / "index.csv"
    new = not index.exists()
    with index.open("a", newline="") as file:
        table = csv.writer(file)
        if new:
            table.writerow(["file", "patient", "spacing_row_mm", "spacing_col_mm", "spacing_z_mm"])
        for item in tqdm(objects, desc=str(folder), unit="slice"):
            if np.count_nonzero(item.mask) >= LEAST:
                Image.fromarray(_bytes(item.image)).save(folder / "images" / f"{item.name}.png")
                Image.fromarray(item.mask.astype(np.uint8)).save(folder / "labels" / f"{item.name}.png")
                table.writerow([f"{item.name}.png", item.patient, SPACING_MM, SPACING_MM, 3])


def sunnybrook_lv(source: Path) -> Iterator[Object]:
    """Left-ventricle cavity in cine MR."""
    folder = source / "sunnybrook_lv"
    for row in csv.DictReader((folder / "index.csv").open()):
        image, mask = _png(folder / "images" / row["file"]), _png(folder / "masks" / row["file"])
        yield Object(row["patient"], Path(row["file"]).stem, image, mask > 0)


def acdc(source: Path) -> Iterator[Object]:
    """Left-ventricle cavity, all within the epicardium, and right ventricle in cine MR."""
    for path in sorted((source / "acdc").glob("*_gt.nii.gz")):
        name = path.name.removesuffix("_gt.nii.gz")
        image, label = _nifti(path.with_name(f"{name}.nii.gz")), _nifti(path)
        for part, values in (("lv", [3]), ("epi", [2, 3]), ("rv", [1])):
            for k in range(label.shape[2]):
                mask = _largest(np.isin(label[..., k], values))
                yield Object(name.split("_")[0], f"{name}_{part}_z{k:02d}", image[..., k], mask)


def kits19(source: Path) -> Iterator[Object]:
    """Each kidney with its tumour, and each tumour, in CT."""
    folder = source / "kits19_slices"
    for row in csv.DictReader((folder / "index.csv").open()):
        image, label = _png(folder / "images" / row["file"]), _png(folder / "labels" / row["file"])
        for part, mask in (("kidney", label > 0), ("tumour", label == 2)):
            parts = connected_parts(mask)
            for number in range(1, parts.max() + 1):
                name = f"{Path(row['file']).stem}_{part}{number}"
                yield Object(f"kits{row['kits_case']}", name, image, parts == number)


def prostate(source: Path) -> Iterator[Object]:
    """Whole gland in MR: single slices, and every slice of the two volumes."""
    folder = source / "prostate"
    for path in sorted((folder / "slices" / "images").glob("*.png")):
        yield Object(
            path.stem.rsplit("_", 1)[0], path.stem, _png(path), _png(folder / "slices" / "masks" / path.name) > 0
        )
    for name in ("promise12_case0", "prostatex0000"):
        image, label = _nifti(folder / f"{name}_image.nii.gz"), _nifti(folder / f"{name}_label.nii.gz") > 0
        zoom = 0.5 / GRID_MM if name == "prostatex0000" else 1  # the other's spacing is lost
        for k in np.flatnonzero(label.any((0, 1))):
            slice_, mask = _zoomed(image[..., k].T, label[..., k].T, zoom)
            yield Object(name, f"{name}_z{k:02d}", slice_, _largest(mask))


def left_atrium(source: Path) -> Iterator[Object]:
    """Cavity of the left atrium in MR: every fourth axial slice."""
    for path in sorted((source / "left_atrium").glob("*_la.nii.gz")):
        name = path.name.removesuffix("_la.nii.gz")
        image = _nifti(next(p for p in path.parent.glob(f"{name}*.nii.gz") if p != path))
        label = _nifti(path) > 0
        for k in np.flatnonzero(label.any((0, 1)))[2::4]:
            slice_, mask = _zoomed(image[..., k], label[..., k], 0.625 / GRID_MM)
            yield Object(name, f"{name}_z{k:02d}", slice_, _largest(mask))


def breast_ultrasound(source: Path) -> Iterator[Object]:
    """Lesions in ultrasound."""
    folder = source / "breast_ultrasound"
    for path in sorted((folder / "images").glob("*.png")):
        yield Object(path.stem, path.stem, _png(path), _largest(_png(folder / "masks" / path.name) > 0))


SETS = {f.__name__: f for f in (sunnybrook_lv, acdc, kits19, prostate, left_atrium, breast_ultrasound)}


def _png(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def _nifti(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


def _zoomed(image: np.ndarray, mask: np.ndarray, zoom: float) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask with `zoom` times as many rows and columns."""
    if zoom == 1:
        return image, mask
    shape = tuple(round(length * zoom) for length in image.shape)
    found, inside = (resize(a.astype(np.float32), shape, anti_aliasing=True) for a in (image, mask))
    return found, inside > 0.5


def _largest(mask: np.ndarray) -> np.ndarray:
    return np.asarray(KeepLargestConnectedComponent()(mask[None].astype(np.uint8)))[0] > 0


def _bytes(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, [0.5, 99.5])
    return (np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
