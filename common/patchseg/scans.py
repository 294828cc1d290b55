"""What a user gives as a scan: a NIfTI, MHA, MHD or NRRD file, or a folder with one DICOM series."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
from monai.data import ITKReader

from patchseg.errors import InputError

NIFTI = (".nii", ".nii.gz")
OTHERS = (".mha", ".mhd", ".nrrd")


def scan_reader(scan: str | Path, series: str | None = None) -> ITKReader | None:
    """Check that a scan can be read as one volume, from its headers alone.

    Args:
        scan: the file, or the folder of a DICOM series.
        series: SeriesInstanceUID to take when the folder holds several.

    Returns:
        The reader to register with LoadImaged for a DICOM folder; None where the default one does.

    Raises:
        InputError: no such scan, another format, not one 3-D volume, several series and none chosen, a missing
            or doubled slice, uneven spacing.
    """
    scan = Path(scan)
    if not scan.exists():
        raise InputError(f"there is no scan at {scan}: check the path.")
    if scan.is_dir():
        return _series_reader(scan, series)
    if series is not None:
        raise InputError(f"{scan} is a file: leave --series out, it chooses in a DICOM folder.")
    shape = _shape(scan)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or 0 in shape:
        raise InputError(f"{scan} has shape {tuple(shape)}: give one volume with three axes.")
    return None


def ending(path: str | Path) -> str:
    """The ending that names the format, in lower case.

    >>> ending("a/SCAN.v2.NII.GZ"), ending("mask.mha")
    ('.nii.gz', '.mha')
    """
    name = Path(path).name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def _shape(scan: Path) -> Sequence[int]:
    try:
        if ending(scan) in NIFTI:
            return nibabel.load(scan).shape
        if ending(scan) in OTHERS:
            header = _header(str(scan))
            return [header.GetDimensions(axis) for axis in range(header.GetNumberOfDimensions())]
    except Exception as error:  # each library fails in its own ways on a damaged file
        raise InputError(f"{scan} cannot be read as an image: it is damaged or of another format.") from error
    known = ", ".join((*NIFTI, *OTHERS))
    raise InputError(f"{scan} is of no known format: give {known} or the folder of a DICOM series.")


def _header(path: str) -> Any:
    header = itk.ImageIOFactory.CreateImageIO(path, itk.CommonEnums.IOFileMode_ReadMode)
    header.SetFileName(path)
    header.ReadImageInformation()
    return header


def _series_reader(folder: Path, wanted: str | None) -> ITKReader:
    found = _series_in(folder)
    if not found:
        raise InputError(f"{folder} holds no DICOM images: give the folder with the slices of one series.")
    chosen = [s for s in found if wanted is None or wanted in (s["uid"], s["identifier"])]
    if len(chosen) != 1:
        # one UID may stand twice: ITK separates images of different size or orientation within a series
        uids = [s["uid"] for s in found]
        key = "uid" if len(set(uids)) == len(uids) else "identifier"
        listed = "; ".join(f"{s[key]} ({s['description']}, {len(s['files'])} slices)" for s in found)
        problem = "several series" if wanted is None or chosen else f"no series {wanted}"
        raise InputError(f"{folder} holds {problem}: choose one with --series UID out of {listed}.")
    _check_slices(folder, chosen[0]["files"])
    return ITKReader(series_name=chosen[0]["identifier"])


def _series_in(folder: Path) -> list[dict[str, Any]]:
    # as monai.data.ITKReader lists them, so that its `series_name` means the same
    names = itk.GDCMSeriesFileNames.New()
    names.SetUseSeriesDetails(True)
    names.AddSeriesRestriction("0008|0021")
    names.SetDirectory(str(folder))
    found = []
    for identifier in names.GetSeriesUIDs():
        files = list(names.GetFileNames(identifier))
        header = _dicom(files[0])  # a name of its own: its dictionary of tags dies with it
        uid, description = (_tag(header, tag) for tag in ("0020|000e", "0008|103e"))
        found.append(
            {
                "identifier": identifier,
                "uid": uid,
                "description": description or "no description",
                "files": files,
            }
        )
    return found


def _tag(header: Any, name: str) -> str:
    tags = header.GetMetaDataDictionary()
    return str(tags[name]).strip(" \0") if tags.HasKey(name) else ""


def _dicom(file: str) -> Any:
    header = itk.GDCMImageIO.New(FileName=file)
    header.ReadImageInformation()
    return header


def _check_slices(folder: Path, files: Sequence[str]) -> None:
    """Raise or warn unless the slices lie evenly along their normal."""
    if len(files) < 3:
        return
    headers = [_dicom(file) for file in files]
    normal = np.cross(headers[0].GetDirection(0), headers[0].GetDirection(1))
    along = sorted(float(np.dot([h.GetOrigin(axis) for axis in range(3)], normal)) for h in headers)
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    worst = int(np.abs(gaps - usual).argmax())
    here = f"between {along[worst]:.1f} and {along[worst + 1]:.1f} mm"
    if gaps.min() < 0.01:
        raise InputError(f"{folder} holds two slices at one position: leave one series or phase in the folder.")
    if gaps[worst] > 1.5 * usual:
        raise InputError(f"{folder} misses a slice {here}, others lie {usual:.2f} mm apart: export it again.")
    if abs(gaps[worst] - usual) > 0.1 * usual:
        raise InputError(
            f"{folder} has uneven slice spacing, {gaps[worst]:.2f} mm {here} but {usual:.2f} mm elsewhere: "
            "resample it to even spacing first."
        )
    if abs(gaps[worst] - usual) > 0.01 * usual:
        warnings.warn(
            f"{folder} has slightly uneven slice spacing: {gaps[worst]:.3f} mm {here}, {usual:.3f} mm elsewhere.",
            stacklevel=2,
        )
