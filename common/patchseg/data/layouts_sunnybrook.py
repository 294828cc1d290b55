"""Sunnybrook Cardiac Data (SCD) as distributed: DICOM slices, and contours as lists of points in text files."""

import csv
import re
from pathlib import Path

import numpy as np

from patchseg.data.layouts_names import folders_that, record_of, refuse
from patchseg.data.polygons import filled
from patchseg.errors import InputError

CONTOUR = re.compile(r"IM-\d+-(\d+)-icontour-manual\.txt", re.IGNORECASE)
IMAGE = re.compile(r"IM-(\d+)-(\d+)\.dcm", re.IGNORECASE)
DEPTH = 4
MYOCARDIUM, CAVITY, CAVITY_ALONE = 2, 3, 255  # as in ACDC; 255 where the myocardium is there but not outlined


def sunnybrook_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of the slices with an endocardial contour, `IM-0001-0048-icontour-manual.txt`.

    Contours lie in `SC-HF-I-01/contours-manual/`, their slices in a folder of the same patient, whose name may
    lack the zeros (`SC-HF-I-1`), or that `scd_patientdata.csv` assigns to the patient (`SCD0000101`). The number
    at the end of the name is the slice's. Of several series the short-axis one is meant: in a folder `CINESAX..`
    where there is one, with all the numbers that have contours, the longest. `labelled` changes nothing: what
    has no contour is no case.

    Returns:
        None for another layout. The record's `label` is a list: the endocardial contour, the epicardial one
        where there is one, and the image that they are drawn on, see `contour_mask`; `outlines` names what they
        show.

    Raises:
        InputError: contours without their image, or with more than one.
    """
    patients = folders_that(folder, lambda path: (path / "contours-manual").is_dir(), DEPTH)
    if not patients:
        return None
    images_of = _images(folder, patients)
    cases, orphans = [], []
    for patient in patients:
        contours = _endocardial(patient)
        slices = _short_axis(images_of.get(_plain(patient.name), []), set(contours), patient)
        for number, inner in sorted(contours.items()):
            if number not in slices:
                orphans.append(f"{patient.name}/{inner.name}")
                continue
            outer = inner.with_name(inner.name.replace("icontour", "ocontour"))
            drawn = [inner, outer] if outer.is_file() else [inner]
            case = record_of(slices[number], None, patient.name) | {"name": f"{patient.name}_{number:04d}"}
            outlines = "cavity myocardium" if outer.is_file() else "cavity"
            cases.append(case | {"label": [str(path) for path in (*drawn, slices[number])], "outlines": outlines})
    refuse(folder, "contours without their DICOM image (scd_patientdata.csv tells whose a folder is)", orphans)
    return cases


def contour_mask(contours: list[Path], shape: tuple[int, int]) -> np.ndarray:
    """Filled contours: 3 in the cavity, 2 in the myocardium; 255 in the cavity if that alone is outlined.

    Args:
        contours: endocardial, and epicardial if there is one.
        shape: rows and columns of the image.

    Raises:
        InputError: a file that is no list of points.
    """
    cavity, *heart = (filled(_points(file), shape, file) for file in contours)
    if not heart:
        return np.where(cavity, CAVITY_ALONE, 0).astype(np.uint8)
    return np.select([cavity, heart[0]], [CAVITY, MYOCARDIUM], 0).astype(np.uint8)


def _points(file: Path) -> list[tuple[float, float]]:
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        points = [(float(x), float(y)) for x, y in lines]
        if not np.isfinite(points).all():
            raise ValueError(points)
    except (OSError, ValueError):
        raise InputError(f"{file} is no contour; it needs the x and y of a point on every line.") from None
    return points


def _endocardial(patient: Path) -> dict[int, Path]:
    """The endocardial contours by the number of their slice."""
    contours: dict[int, Path] = {}
    for path in sorted((patient / "contours-manual").rglob("*.txt")):
        if found := CONTOUR.fullmatch(path.name):
            refuse(patient, "two contours of one slice", [path.name] if int(found[1]) in contours else [])
            contours[int(found[1])] = path
    return contours


def _plain(name: str) -> str:
    """A patient's name without leading zeros: SC-HF-I-01 is SC-HF-I-1."""
    return re.sub(r"-0+(?=\d)", "-", name.strip().upper())


def _images(folder: Path, patients: list[Path]) -> dict[str, list[Path]]:
    """The DICOM files of each patient."""
    known = {_plain(path.name): _plain(path.name) for path in patients}
    for table in sorted(folder.rglob("scd_patientdata.csv"))[:1]:
        with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            for row in csv.DictReader(file):
                known[_plain(row.get("PatientID") or "")] = _plain(row.get("OriginalID") or "")
    images: dict[str, list[Path]] = {}
    for path in folders_that(folder, lambda path: _plain(path.name) in known, DEPTH):
        files = sorted(file for file in path.rglob("*") if IMAGE.fullmatch(file.name))
        images.setdefault(known[_plain(path.name)], []).extend(files)
    return images


def _short_axis(files: list[Path], numbers: set[int], patient: Path) -> dict[int, Path]:
    """The slices of the short-axis series by their number."""
    files = [file for file in files if file.parent.name.upper().startswith("CINESAX")] or files
    series: dict[tuple[Path, str], dict[int, Path]] = {}
    for file in files:
        number, slice_ = IMAGE.fullmatch(file.name).groups()
        series.setdefault((file.parent, number), {})[int(slice_)] = file
    fitting = [slices for slices in series.values() if numbers <= set(slices)] or list(series.values())
    fitting.sort(key=len)
    if len(fitting) > 1 and len(fitting[-1]) == len(fitting[-2]):
        raise InputError(
            f"{patient.name} has two series of {len(fitting[-1])} images, {next(iter(fitting[-2].values()))} and "
            f"{next(iter(fitting[-1].values()))}; keep the one with the short axis."
        )
    return fitting[-1] if fitting else {}
