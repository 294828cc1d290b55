"""Find the cases of a dataset folder, whichever of the usual layouts it has.

Understood are, in this order:

1. `index.csv` beside `images/` and `labels/` or `masks/`: slice sets; columns `file` and `kits_case` or
   `patient`, optionally `spacing_row_mm`, `spacing_col_mm`, `spacing_z_mm`.
2. `dataset.json` of the Medical Segmentation Decathlon (MSD): lists `training` and `test`.
3. KiTS: `case_00000/imaging.nii.gz` with `segmentation.nii.gz`, directly or below `data/` or `dataset/`; or
   one such case folder alone.
4. `images/` and `labels/` (or `masks/`; or `imagesTr/` and `labelsTr/`), paired by file name.
5. One folder of images, with or without labels beside them (`scan.nii.gz`, `scan_seg.nii.gz`).

In 4 and 5 a label's name may end in `_seg`, `_label`, `_mask`, `_gt` or `_segmentation`, and the patient is
the part of the name before `_frame..`, `_z..`, `_slice..` or `_s..` with a number: `patient003_frame12` is
patient003.
Hidden files (macOS writes `._scan.nii.gz`) are left out.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib

from patchseg.errors import InputError

IMAGE_ENDINGS = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".png")
IMAGE_FOLDERS = ("images", "imagesTr")
LABEL_FOLDERS = ("labels", "masks", "labelsTr")
LABEL_SUFFIX = re.compile(r"_(segmentation|seg|label|mask|gt)$", re.IGNORECASE)
SLICE_SUFFIX = re.compile(r"_(frame|z|slice|s)[-_]?\d+.*$", re.IGNORECASE)
SPACING_COLUMNS = ("spacing_row_mm", "spacing_col_mm", "spacing_z_mm")
KITS19_HIDDEN = range(210, 300)  # KiTS19 never published the labels of these
LAYOUTS = (
    "index.csv with images/ and labels/ or masks/; dataset.json (MSD); case_00000/imaging.nii.gz (KiTS); "
    f"images/ with labels/ or masks/; a folder of {', '.join(IMAGE_ENDINGS)}"
)


def find_cases(dataset_dir: str | Path, labelled: bool = True) -> list[dict]:
    """One record per image of a dataset folder, sorted by name.

    Args:
        dataset_dir: the folder; see the module's description for the layouts understood.
        labelled: True gives images with their labels and refuses an image without one (KiTS19's cases 210 to
            299, published without labels, and MSD's test images are left out). False gives every image, with
            its label where there is one.

    Returns:
        Plain dicts: `name` (unique), `patient` (the id to split by), `image` and `label` (paths; no `label`
        if there is none), `intensity` ("window8" for 8-bit files, which are taken as windowed to 0..255, else
        "HU") and, only where an index.csv gives it, `spacing` ([row, column, slice] in mm: the distance
        between rows first).

    Raises:
        InputError: the folder is missing or empty, an image or label lacks its partner, a name occurs twice,
            or index.csv or dataset.json is wrong.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("scans/p01_z003.png", "scans/p01_z007.png"):
    ...         Path(folder, name).parent.mkdir(exist_ok=True)
    ...         Path(folder, name).touch()
    ...     [(case["name"], case["patient"]) for case in find_cases(f"{folder}/scans", labelled=False)]
    [('p01_z003', 'p01'), ('p01_z007', 'p01')]
    """
    folder = Path(dataset_dir).expanduser()
    if not folder.exists():
        raise InputError(f"{folder} does not exist; give the folder that holds the dataset.")
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; give the folder that holds the dataset.")
    cases = sorted(_cases_of(folder, labelled), key=lambda case: case["name"])
    if not cases:
        raise InputError(f"{folder} holds no {'labelled ' * labelled}images; understood are: {LAYOUTS}.")
    _refuse_twins(folder, [case["name"] for case in cases])
    if labelled:
        _refuse(folder, "images without a label", [c["name"] for c in cases if "label" not in c])
    return cases


def _cases_of(folder: Path, labelled: bool) -> list[dict]:
    if (folder / "index.csv").exists():
        return _index_cases(folder)
    if (folder / "dataset.json").exists():
        return _msd_cases(folder, labelled)
    for level in (folder, folder / "data", folder / "dataset"):
        case_dirs = sorted(path for path in level.glob("case_*") if path.is_dir())
        if case_dirs:
            return _kits_cases(level, case_dirs, labelled)
    if any((folder / name).is_file() for name in ("imaging.nii.gz", "imaging.nii")):
        return _kits_cases(folder, [folder.absolute()], labelled)
    images = _first_folder(folder, IMAGE_FOLDERS)
    if images is None:
        return _one_folder_cases(folder)
    labels = _first_folder(folder, LABEL_FOLDERS)
    if labels is None and labelled:
        raise InputError(f"{folder} has {images.name}/ but no labels/ or masks/; add the folder of labels.")
    return _paired(folder, _image_files(images), _image_files(labels) if labels else [])


def _index_cases(folder: Path) -> list[dict]:
    index = folder / "index.csv"
    with index.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise InputError(f"{index} is empty; give one row per image under the columns file and patient.")
    patient_column = next((c for c in ("kits_case", "patient") if c in rows[0]), None)
    if "file" not in rows[0] or patient_column is None:
        raise InputError(f"{index} lacks the column file, or kits_case or patient; add what is missing.")
    images, labels = _first_folder(folder, IMAGE_FOLDERS), _first_folder(folder, LABEL_FOLDERS)
    if images is None:
        raise InputError(f"{index} names images but there is no folder images/ beside it; add it.")
    files = [row["file"] or "" for row in rows]
    _refuse(index, "files that are not in images/", [f for f in files if not (images / f).is_file()])
    cases = []
    for number, row in enumerate(rows, start=2):
        if not row[patient_column]:
            raise InputError(f"{index} line {number} has no {patient_column}; every image needs one to split by.")
        label = labels / row["file"] if labels else None
        case = _record(images / row["file"], label if label and label.is_file() else None, row[patient_column])
        if all(column in row for column in SPACING_COLUMNS):
            case["spacing"] = _spacing(row, f"{index} line {number}")
        cases.append(case)
    return cases


def _spacing(row: dict[str, str], where: str) -> list[float]:
    try:
        return [float(row[column]) for column in SPACING_COLUMNS]
    except (TypeError, ValueError):
        raise InputError(f"{where} gives a spacing that is no number; write {SPACING_COLUMNS} in mm.") from None


def _msd_cases(folder: Path, labelled: bool) -> list[dict]:
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
    _refuse(listing, "files that do not exist", [name for name in named if not (folder / name).is_file()])
    return [_record(folder / image, folder / label if label else None) for image, label in pairs]


def _kits_cases(folder: Path, case_dirs: list[Path], labelled: bool) -> list[dict]:
    cases, orphans = [], []
    for case_dir in case_dirs:
        image, label = (
            next((p for p in (case_dir / f"{stem}.nii.gz", case_dir / f"{stem}.nii") if p.is_file()), None)
            for stem in ("imaging", "segmentation")
        )
        if image is None:
            orphans.append(case_dir.name)
        elif label or not (labelled and _case_number(case_dir.name) in KITS19_HIDDEN):
            record = _record(image, label, patient=case_dir.name)
            cases.append(record | {"name": case_dir.name})
    _refuse(folder, "cases without imaging.nii.gz", orphans)
    return cases


def _case_number(name: str) -> int:
    digits = name.removeprefix("case_")
    return int(digits) if digits.isdigit() else -1


def _one_folder_cases(folder: Path) -> list[dict]:
    files = _image_files(folder)
    stems = {_stem(file) for file in files}
    labels = [f for f in files if LABEL_SUFFIX.sub("", _stem(f)) in stems - {_stem(f)}]
    return _paired(folder, [file for file in files if file not in labels], labels)


def _paired(folder: Path, images: list[Path], labels: list[Path]) -> list[dict]:
    stems = {_stem(image) for image in images}
    label_of: dict[str, Path] = {}
    strangers = []
    for label in labels:
        # the whole name first: an image may itself be called scan_seg
        stem = next((s for s in (_stem(label), LABEL_SUFFIX.sub("", _stem(label))) if s in stems), None)
        if stem is None:
            strangers.append(label.name)
        elif stem in label_of:
            raise InputError(f"{label} and {label_of[stem].name} both label the image {stem}; keep one.")
        else:
            label_of[stem] = label
    _refuse(folder, "labels without an image", strangers)
    return [_record(image, label_of.get(_stem(image))) for image in images]


def _record(image: Path, label: Path | None, patient: str | None = None) -> dict:
    name = _stem(image)
    case = {"name": name, "patient": patient or SLICE_SUFFIX.sub("", name), "image": str(image)}
    if label is not None:
        case["label"] = str(label)
    return case | {"intensity": "window8" if _is_8bit(image) else "HU"}


def _is_8bit(image: Path) -> bool:
    """True when the file stores unsigned bytes, which cannot hold HU (read from the header only)."""
    if image.suffix.lower() == ".png":
        return True
    try:
        if image.name.lower().endswith((".nii", ".nii.gz")):
            stored = nib.load(image).dataobj
            return stored.dtype == "uint8" and (stored.slope, stored.inter) == (1, 0)
        with image.open("rb") as file:
            start = file.read(4096).split(b"\n\n")[0]
    except (OSError, nib.filebasedimages.ImageFileError) as error:
        raise InputError(f"{image} cannot be read as an image ({error}); replace the file.") from None
    return bool(re.search(rb"MET_UCHAR|^type: *(uchar|unsigned char|uint8)", start, re.MULTILINE))


def _image_files(folder: Path) -> list[Path]:
    found = [p for p in folder.iterdir() if p.name.lower().endswith(IMAGE_ENDINGS) and p.name[0] != "."]
    return sorted(path for path in found if path.is_file())


def _stem(path: Path) -> str:
    return next((path.name[: -len(end)] for end in IMAGE_ENDINGS if path.name.lower().endswith(end)), path.stem)


def _first_folder(folder: Path, names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _refuse_twins(folder: Path, names: list[str]) -> None:
    twins = sorted(name for name, count in Counter(names).items() if count > 1)
    _refuse(folder, "several images of the same name", twins)


def _refuse(where: Path, what: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise InputError(f"{where} has {what}: {', '.join(names[:3])}{more}; add, rename or remove them.")
