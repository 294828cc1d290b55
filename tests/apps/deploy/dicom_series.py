"""DICOM series of any volume, as a scanner would write them: one file per slice."""

from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

REPOSITORY = Path(__file__).resolve().parents[3]
LIMIT = 600  # seconds; a hang is a failure, not a test that never ends
STUDY, FRAME = generate_uid(), generate_uid()
STORAGE = {"CT": CTImageStorage, "MR": MRImageStorage}


def axial(voxels: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A volume with its axes as in axial slices: columns to the left, rows to the back, slices to the head."""
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(affine), nib.orientations.axcodes2ornt(("L", "P", "S"))
    )
    image = nib.Nifti1Image(voxels, affine).as_reoriented(turn)
    return np.asarray(image.dataobj), image.affine


def write_series(
    folder: Path,
    voxels: np.ndarray,
    affine: np.ndarray,
    modality: str,
    *,
    uid: str | None = None,
    description: str = "portal venous",
    intercept: int = 0,
    names: Sequence[str] | None = None,
    skip: Sequence[int] = (),
    moved: dict[int, float] | None = None,
) -> Path:
    """Write int16 voxels (column, row, slice) into `folder` and return it.

    Args:
        affine: (4, 4), voxel index to RAS millimetres.
        intercept: what is written is `voxels - intercept`, with RescaleIntercept.
        names: of the files, by slice. skip: slices left out. moved: millimetres that slices lie off, by slice.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid()
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    steps = np.linalg.norm(lps[:3, :3], axis=0)
    directions = lps[:3, :3] / steps
    for k in sorted(set(range(voxels.shape[2])) - set(skip)):
        ds = _patient(modality)
        ds.SeriesInstanceUID, ds.SOPInstanceUID, ds.SeriesDescription = uid, generate_uid(), description
        ds.file_meta.MediaStorageSOPInstanceUID, ds.InstanceNumber = ds.SOPInstanceUID, k + 1
        position = (lps @ [0, 0, k, 1])[:3] + (moved or {}).get(k, 0.0) * directions[:, 2]
        ds.ImagePositionPatient = [f"{n:.8g}" for n in position]
        ds.ImageOrientationPatient = [f"{n:.10f}"[:16] for n in directions[:, :2].T.ravel()]
        ds.PixelSpacing = [f"{steps[1]:.10g}", f"{steps[0]:.10g}"]  # between rows, between columns
        ds.SliceThickness = f"{steps[2]:.10g}"
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = intercept, 1, "HU" if modality == "CT" else "US"
        pixels = (voxels[:, :, k].T - intercept).astype("<i2")
        ds.Rows, ds.Columns = pixels.shape
        ds.PixelData = pixels.tobytes()
        ds.save_as(folder / (names[k] if names else f"slice_{k:03d}.dcm"), enforce_file_format=True)
    return folder


def _patient(modality: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = STORAGE[modality]
    ds.Modality, ds.StudyInstanceUID, ds.FrameOfReferenceUID = modality, STUDY, FRAME
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Phantom", "1", "", "O"
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = "20200101"
    ds.StudyTime = ds.SeriesTime = ds.ContentTime = "120000"
    ds.AccessionNumber, ds.StudyID, ds.ReferringPhysicianName, ds.SeriesNumber = "", "1", "", 1
    ds.Manufacturer, ds.PositionReferenceIndicator = "phantom", ""
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    return ds
