"""M&Ms and M&Ms-2: short-axis cine MR from several scanners, labelled at end-diastole and end-systole.

Both number their labels 1 left-ventricle cavity, 2 myocardium, 3 right ventricle; ACDC numbers them 3, 2, 1. So
that cavity and right ventricle cannot be taken for each other, records of these sets say `renumber`, and
`LoadScand` gives their labels ACDC's numbers.
"""

import csv
import warnings
from pathlib import Path

from patchseg.data.layouts_names import folders_that, record_of, refuse
from patchseg.errors import InputError

RENUMBER = {"orig_labels": [1, 3], "target_labels": [3, 1]}  # arguments of MONAI's MapLabelValue
PHASES = ("ED", "ES")
CODE = "External code"


def mms_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of `A0S9V9/A0S9V9_sa.nii.gz` (M&Ms), or of `001/001_SA_ED.nii.gz` (M&Ms-2).

    One case for each labelled time point. Which they are in the 4D files of M&Ms says the data set's CSV file,
    with the columns External code, ED and ES, in the folder or the one above: the record's `frame`, from 0.
    Below a folder called Unlabeled scans need no label.

    Returns:
        None for another layout.

    Raises:
        InputError: M&Ms without its CSV file, or the file lacks a scan or names a time point that is no number.
    """
    cines = folders_that(folder, lambda path: _scan(path, "_sa").is_file())
    phases = [] if cines else folders_that(folder, lambda path: _scan(path, "_SA_ED").is_file())
    if not cines and not phases:
        return None
    cases = _cine_cases(folder, cines, labelled) if cines else _phase_cases(phases)
    if any("label" in case for case in cases):
        warnings.warn(
            "labels of M&Ms are read with ACDC's numbers, which settings have to name: 1 right ventricle, "
            "2 myocardium, 3 left-ventricle cavity.",
            stacklevel=2,
        )
    return [case | {"renumber": RENUMBER} if "label" in case else case for case in cases]


def _scan(folder: Path, ending: str) -> Path:
    return folder / f"{folder.absolute().name}{ending}.nii.gz"


def _cine_cases(folder: Path, cines: list[Path], labelled: bool) -> list[dict]:
    table = _table(folder)
    cases, unlisted = [], []
    for patient in cines:
        code, image, label = patient.absolute().name, _scan(patient, "_sa"), _scan(patient, "_sa_gt")
        if labelled and not label.is_file() and "unlabeled" in str(patient.relative_to(folder)).lower():
            continue
        if code not in table:
            unlisted.append(code)
            continue
        case = record_of(image, label if label.is_file() else None, code)
        cases += [case | {"name": f"{code}_{phase}", "frame": frame} for phase, frame in table[code].items()]
    refuse(folder, "scans that its CSV file does not list", unlisted)
    return cases


def _table(folder: Path) -> dict[str, dict[str, int]]:
    """The time points of each scan, from the data set's CSV file."""
    for path in sorted(folder.glob("*.csv")) + sorted(folder.absolute().parent.glob("*.csv")):
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            rows = list(csv.DictReader(file))
        if rows and {CODE, *PHASES} <= set(rows[0]):
            return {row[CODE]: _frames(row, f"{path} line {line}") for line, row in enumerate(rows, start=2)}
    raise InputError(
        f"{folder} holds scans of M&Ms but no CSV file with the columns {CODE}, ED and ES; put the data set's "
        "there: it says which time points are labelled."
    )


def _frames(row: dict[str, str], where: str) -> dict[str, int]:
    try:
        return {phase: int(row[phase]) for phase in PHASES}
    except (TypeError, ValueError):
        raise InputError(f"{where} gives a time point that is no number; write ED and ES, from 0.") from None


def _phase_cases(patients: list[Path]) -> list[dict]:
    cases = []
    for patient in patients:
        for phase in PHASES:
            image, label = _scan(patient, f"_SA_{phase}"), _scan(patient, f"_SA_{phase}_gt")
            if image.is_file() or label.is_file():
                refuse(patient, "labels without an image", [] if image.is_file() else [label.name])
                cases.append(record_of(image, label if label.is_file() else None, patient.absolute().name))
    return cases
