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
NO_IMAGES = ("SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "PR", "KO", "REG")  # modalities of a DICOM series


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
    if not is_there(scan):
        raise InputError(f"there is no scan at {scan}: check the path.")
    if scan.is_dir():
        return _series_reader(scan, series)
    if not scan.is_file():  # reading a pipe would wait for ever
        raise InputError(f"{scan} is no file and no folder: give the scan itself.")
    if series is not None:
        raise InputError(f"{scan} is a file: leave --series out, it chooses in a DICOM folder.")
    shape = _shape(scan)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or 0 in shape:
        raise InputError(f"{scan} has shape {tuple(shape)}: give one volume with three axes.")
    return None


def is_there(path: Path) -> bool:
    """Whether there is something at a path.

    Raises:
        InputError: the path itself cannot be used, being too long for instance.
    """
    try:
        return path.exists()
    except OSError as error:
        raise InputError(f"{path} cannot be looked for ({error.strerror}): check the path.") from error


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
            image = nibabel.load(scan)
            _check_numbers(scan, len(image.get_data_dtype().fields or [""]), image.get_data_dtype().kind == "c")
            return image.shape
        if ending(scan) in OTHERS:
            header = _header(str(scan))
            _check_colours(scan, header)
            return [header.GetDimensions(axis) for axis in range(header.GetNumberOfDimensions())]
    except InputError:
        raise
    except Exception as error:  # each library fails in its own ways on a damaged file
        raise InputError(f"{scan} cannot be read as an image: it is damaged or of another format.") from error
    known = ", ".join((*NIFTI, *OTHERS))
    raise InputError(f"{scan} is of no known format: give {known} or the folder of a DICOM series.")


def _check_colours(scan: Path, header: Any) -> None:
    is_complex = header.GetPixelType() == itk.CommonEnums.IOPixel_COMPLEX
    _check_numbers(scan, header.GetNumberOfComponents(), is_complex)


def _check_numbers(scan: Path, components: int, is_complex: bool) -> None:
    """Raise unless each voxel is one real number."""
    if is_complex:
        raise InputError(f"{scan} holds complex numbers: give their magnitude.")
    if components != 1:
        raise InputError(f"{scan} is a colour image, {components} numbers a voxel: give one in grey levels.")


def _header(path: str) -> Any:
    header = itk.ImageIOFactory.CreateImageIO(path, itk.CommonEnums.IOFileMode_ReadMode)
    header.SetFileName(path)
    header.ReadImageInformation()
    return header


def _series_reader(folder: Path, wanted: str | None) -> ITKReader:
    found = _series_in(folder)
    _check_files(folder, {Path(file).name for series in found for file in series["files"]})
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
    _check_kind(folder, chosen[0])
    _check_slices(folder, chosen[0]["files"])
    return ITKReader(series_name=chosen[0]["identifier"])


def _series_in(folder: Path) -> list[dict[str, Any]]:
    # as monai.data.ITKReader lists them, so that its `series_name` means the same
    names = itk.GDCMSeriesFileNames.New()
    names.SetUseSeriesDetails(True)
    names.AddSeriesRestriction("0008|0021")
    try:
        names.SetDirectory(str(folder))
        identifiers = list(names.GetSeriesUIDs())
    except RuntimeError as error:
        raise InputError(f"{folder} holds a DICOM file that cannot be read: export the series again.") from error
    found = []
    for identifier in identifiers:
        files = list(names.GetFileNames(identifier))
        header = _dicom(files[0])  # a name of its own: its dictionary of tags dies with it
        uid, description, kind = (_tag(header, tag) for tag in ("0020|000e", "0008|103e", "0008|0060"))
        found.append(
            {
                "identifier": identifier,
                "uid": uid,
                "kind": kind,
                "description": description or "no description",
                "files": files,
            }
        )
    return found


def _check_files(folder: Path, used: set[str]) -> None:
    """Raise for a DICOM file that no series holds: a damaged slice at either end would not be missed."""
    for path in sorted(folder.iterdir()):
        if path.name not in used and path.name != "DICOMDIR" and path.is_file():
            with path.open("rb") as file:
                if file.read(132)[128:] == b"DICM":
                    raise InputError(f"{path} cannot be read as an image: export it again, or take it away.")


def _tag(header: Any, name: str) -> str:
    tags = header.GetMetaDataDictionary()
    return str(tags[name]).strip(" \0") if tags.HasKey(name) else ""


def _dicom(file: str) -> Any:
    header = itk.GDCMImageIO.New(FileName=file)
    try:
        header.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f"{file} cannot be read as a DICOM image: export it again, or take it away.") from error
    return header


def _check_kind(folder: Path, series: dict[str, Any]) -> None:
    """Raise for what DICOM keeps beside images, and for colours."""
    if series["kind"] in NO_IMAGES:
        raise InputError(
            f"{folder} holds no images but a DICOM {series['kind']}: give the series that it was made from."
        )
    _check_colours(folder, _dicom(series["files"][0]))


def _check_slices(folder: Path, files: Sequence[str]) -> None:
    """Raise or warn unless the slices lie evenly along their normal."""
    if len(files) < 2:
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
