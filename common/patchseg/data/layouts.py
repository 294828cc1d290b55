"""Find the cases of a dataset folder, whichever of the usual layouts it has.

Understood are, in this order:

1. `index.csv` beside `images/` and `labels/` or `masks/`: slice sets; columns `file` and `kits_case` or
   `patient`, optionally `spacing_row_mm`, `spacing_col_mm`, `spacing_z_mm`.
2. `dataset.json` of the Medical Segmentation Decathlon (MSD): lists `training` and `test`.
3. KiTS: `case_00000/imaging.nii.gz` with `segmentation.nii.gz`, directly or below `data/` or `dataset/`; or
   one such case folder alone.
4. PROMISE12: `Case00.mhd` with `Case00_segmentation.mhd`, directly or in folders such as `TrainingData_Part1`;
   a folder without any segmentation holds the test cases.
5. `images/` and `labels/` (or `masks/`; or `imagesTr/` and `labelsTr/`), paired by file name.
6. One folder of images, with or without labels beside them (`scan.nii.gz`, `scan_seg.nii.gz`).

In 5 and 6 a label's name may end in `_seg`, `_label`, `_mask`, `_gt`, `_la` or `_segmentation`, an image's in
`_image`, and the patient is the part of the name before `_frame..`, `_z..`, `_slice..` or `_s..` with a number:
`patient003_frame12` is patient003. Among PNG files, `case0001_0006` is a slice of case0001.
Hidden files (macOS writes `._scan.nii.gz`) are left out.
"""

import re
from collections import Counter
from pathlib import Path

from patchseg.data.layouts_listed import IMAGE_FOLDERS, LABEL_FOLDERS, index_cases, msd_cases
from patchseg.data.layouts_names import (
    IMAGE_ENDINGS,
    beside_each_other,
    first_folder,
    image_files,
    paired,
    record_of,
    refuse,
)
from patchseg.errors import InputError

KITS19_HIDDEN = range(210, 300)  # KiTS19 never published the labels of these
PROMISE12_CASE = re.compile(r"case\d+\.mhd", re.IGNORECASE)
LAYOUTS = (
    "index.csv with images/ and labels/ or masks/; dataset.json (MSD); case_00000/imaging.nii.gz (KiTS); "
    "Case00.mhd with Case00_segmentation.mhd (PROMISE12); images/ with labels/ or masks/; "
    f"a folder of {', '.join(IMAGE_ENDINGS)}"
)


def find_cases(dataset_dir: str | Path, labelled: bool = True) -> list[dict]:
    """One record per image of a dataset folder, sorted by name.

    Args:
        dataset_dir: the folder; see the module's description for the layouts understood.
        labelled: True gives images with their labels and refuses an image without one (KiTS19's cases 210 to
            299 and the test images of MSD and PROMISE12, published without labels, are left out). False gives
            every image, with its label where there is one.

    Returns:
        Plain dicts: `name` (unique), `patient` (the id to split by), `image` and `label` (paths; no `label`
        if there is none), `intensity` ("window8" for 8-bit files, which are taken as windowed to 0..255, else
        "HU"; it is meant for CT, and MR steps do not read it) and, only where an index.csv gives it, `spacing`
        ([row, column, slice] in mm: the distance between rows first).

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
    twins = [name for name, count in Counter(case["name"] for case in cases).items() if count > 1]
    refuse(folder, "several images of the same name", twins)
    if labelled:
        refuse(folder, "images without a label", [c["name"] for c in cases if "label" not in c])
    return cases


def _cases_of(folder: Path, labelled: bool) -> list[dict]:
    if (folder / "index.csv").exists():
        return index_cases(folder)
    if (folder / "dataset.json").exists():
        return msd_cases(folder, labelled)
    for level in (folder, folder / "data", folder / "dataset"):
        case_dirs = sorted(path for path in level.glob("case_*") if path.is_dir())
        if case_dirs:
            return _kits_cases(level, case_dirs, labelled)
    if any((folder / name).is_file() for name in ("imaging.nii.gz", "imaging.nii")):
        return _kits_cases(folder, [folder.absolute()], labelled)
    promise12 = _promise12_folders(folder)
    if promise12:
        return _promise12_cases(promise12, labelled)
    images = first_folder(folder, IMAGE_FOLDERS)
    if images is None:
        return beside_each_other(folder)
    labels = first_folder(folder, LABEL_FOLDERS)
    if labels is None and labelled:
        raise InputError(f"{folder} has {images.name}/ but no labels/ or masks/; add the folder of labels.")
    return paired(folder, image_files(images), image_files(labels) if labels else [])


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
            record = record_of(image, label, patient=case_dir.name)
            cases.append(record | {"name": case_dir.name})
    refuse(folder, "cases without imaging.nii.gz", orphans)
    return cases


def _case_number(name: str) -> int:
    digits = name.removeprefix("case_")
    return int(digits) if digits.isdigit() else -1


def _promise12_folders(folder: Path) -> list[Path]:
    """The folder itself or those in it that hold `Case00.mhd` and its like."""
    for level in ([folder], sorted(path for path in folder.iterdir() if path.is_dir())):
        found = [path for path in level if any(PROMISE12_CASE.fullmatch(file.name) for file in path.iterdir())]
        if found:
            return found
    return []


def _promise12_cases(folders: list[Path], labelled: bool) -> list[dict]:
    cases = []
    for folder in folders:
        found = beside_each_other(folder)
        test_set = not any("label" in case for case in found)
        cases += [] if labelled and test_set else found
    return cases
