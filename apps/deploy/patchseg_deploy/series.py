"""Which DICOM series of a folder is segmented, and whether it can be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom.errors import InvalidDicomError

from patchseg.errors import InputError
from patchseg.scans import scan_reader

TAGS = [
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesDescription",
    "Modality",
    "Rows",
    "ImagePositionPatient",
    "NumberOfFrames",
]
# what a segmentation takes over from its series; all but the last may be empty
COPIED = [
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "FrameOfReferenceUID",
]


@dataclass
class Series:
    """A series of images, as its headers tell it.

    Attributes:
        uid: SeriesInstanceUID.
        files: the file of each image, by SOPInstanceUID.
    """

    uid: str
    modality: str
    description: str
    files: dict[str, Path] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.uid} ({self.modality}, {self.description or 'no description'}, {len(self.files)} slices)"


def choose_series(folder: str | Path, modality: str, wanted: str | None = None) -> Series:
    """The series to segment: the one that is named, or else the only one of this modality.

    Whether its slices make up a volume is checked as `patchseg segment` does, which refuses the same series.

    Args:
        folder: searched with all folders below it; files that are not DICOM are passed over.
        modality: what the bundle is made for, "CT" or "MR".
        wanted: SeriesInstanceUID; of any modality.

    Raises:
        InputError: no such folder, no DICOM images, none or several series that fit (they are listed), one slice
            only, patient or study tags that are missing, a missing or doubled slice, uneven spacing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: give the folder of a DICOM series.")
    found = _series_in(folder)
    if not found:
        raise InputError(f"{folder} holds no DICOM images of single slices: give the folder of a CT or MR series.")
    chosen = [s for s in found if (s.uid == wanted if wanted else s.modality == modality)]
    if len(chosen) != 1:
        problem = f"no series {wanted}" if wanted else f"{'several' if chosen else 'no'} {modality} series"
        listed = "; ".join(map(str, chosen or found))
        raise InputError(f"{folder} holds {problem}: choose one with --series UID out of {listed}.")
    _check_volume(folder, chosen[0])
    return chosen[0]


def _series_in(folder: Path) -> Sequence[Series]:
    """Every series of images with a place in the patient, which segmentations, reports and the like lack."""
    found: dict[str, Series] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            header = pydicom.dcmread(path, specific_tags=TAGS, stop_before_pixels=True)
        except (InvalidDicomError, EOFError):
            continue
        if (
            "Rows" not in header
            or "ImagePositionPatient" not in header
            or int(header.get("NumberOfFrames") or 1) > 1
        ):
            continue
        uid = str(header.SeriesInstanceUID)
        new = Series(uid, str(header.get("Modality", "")), str(header.get("SeriesDescription", "")))
        found.setdefault(uid, new).files[str(header.SOPInstanceUID)] = path
    return list(found.values())


def _check_volume(folder: Path, series: Series) -> None:
    if len(series.files) < 2:
        raise InputError(f"{folder} holds one slice of series {series.uid}: give the whole series.")
    folders = sorted({path.parent for path in series.files.values()})
    if len(folders) > 1:
        raise InputError(
            f"{folder} holds series {series.uid} spread over {len(folders)} folders, such as {folders[0]} and "
            f"{folders[1]}: put its files into one."
        )
    header = pydicom.dcmread(next(iter(series.files.values())), stop_before_pixels=True)
    missing = [tag for tag in COPIED if tag not in header]
    if missing:
        raise InputError(
            f"series {series.uid} lacks {', '.join(missing)}, which a segmentation has to repeat: export it with "
            "them, empty if need be."
        )
    scan_reader(folders[0], series.uid)
