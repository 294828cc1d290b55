"""Dataset folders with a list of their cases: index.csv and the dataset.json of the MSD."""

import csv
import json
from pathlib import Path

from patchseg.data.layouts_names import first_folder, record_of, refuse
from patchseg.errors import InputError

IMAGE_FOLDERS = ("images", "imagesTr")
LABEL_FOLDERS = ("labels", "masks", "labelsTr")
SPACING_COLUMNS = ("spacing_row_mm", "spacing_col_mm", "spacing_z_mm")


def index_cases(folder: Path) -> list[dict]:
    """Records of slices as `index.csv` lists them."""
    index = folder / "index.csv"
    with index.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise InputError(f"{index} is empty; give one row per image under the columns file and patient.")
    patient_column = next((c for c in ("kits_case", "patient") if c in rows[0]), None)
    if "file" not in rows[0] or patient_column is None:
        raise InputError(f"{index} lacks the column file, or kits_case or patient; add what is missing.")
    images, labels = first_folder(folder, IMAGE_FOLDERS), first_folder(folder, LABEL_FOLDERS)
    if images is None:
        raise InputError(f"{index} names images but there is no folder images/ beside it; add it.")
    files = [row["file"] or "" for row in rows]
    refuse(index, "files that are not in images/", [f for f in files if not (images / f).is_file()])
    cases = []
    for number, row in enumerate(rows, start=2):
        if not row[patient_column]:
            raise InputError(f"{index} line {number} has no {patient_column}; every image needs one to split by.")
        label = labels / row["file"] if labels else None
        case = record_of(images / row["file"], label if label and label.is_file() else None, row[patient_column])
        if all(column in row for column in SPACING_COLUMNS):
            case["spacing"] = _spacing(row, f"{index} line {number}")
        cases.append(case)
    return cases


def _spacing(row: dict[str, str], where: str) -> list[float]:
    try:
        return [float(row[column]) for column in SPACING_COLUMNS]
    except (TypeError, ValueError):
        raise InputError(f"{where} gives a spacing that is no number; write {SPACING_COLUMNS} in mm.") from None


def msd_cases(folder: Path, labelled: bool) -> list[dict]:
    """Records as the `dataset.json` of the Medical Segmentation Decathlon lists them."""
    listing = folder / "dataset.json"
    try:
        content = json.loads(listing.read_text(encoding="utf-8-sig"))
        pairs = [(item["image"], item["label"]) for item in content["training"]]
        tests = [item["image"] if isinstance(item, dict) else item for item in content.get("test", [])]
    except (ValueError, KeyError, TypeError):
        raise InputError(
            f'{listing} is not an MSD listing; it needs "training": [{{"image": ..., "label": ...}}, ...].'
        ) from None
    pairs += [] if labelled else [(image, None) for image in tests]
    pairs = [pair for pair in pairs if not Path(pair[0]).name.startswith(".")]
    named = [name for pair in pairs for name in pair if name is not None]
    refuse(listing, "files that do not exist", [name for name in named if not (folder / name).is_file()])
    return [record_of(folder / image, folder / label if label else None) for image, label in pairs]
