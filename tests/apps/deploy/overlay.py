"""Where a DICOM segmentation lies in the patient, beside a mask file."""

from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom


def segmentation(folder: Path) -> highdicom.seg.Segmentation:
    (path,) = folder.iterdir()
    return highdicom.seg.segread(path)


def points(seg: highdicom.seg.Segmentation) -> np.ndarray:
    """(N, 3) LPS millimetres of every voxel set, out of the frames' own headers."""
    shared = seg.SharedFunctionalGroupsSequence[0]
    directions = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows, columns = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    found = []
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for frame, groups in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        row, column = np.nonzero(frame)
        origin = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        found.append(origin + np.outer(column * columns, directions[0]) + np.outer(row * rows, directions[1]))
    return np.concatenate(found)


def assert_same(seg: highdicom.seg.Segmentation, mask_file: Path) -> None:
    """Voxel by voxel, and not both empty."""
    image = nib.load(mask_file)
    mask = np.asarray(image.dataobj)
    ras = points(seg) * (-1, -1, 1)
    exact = nib.affines.apply_affine(np.linalg.inv(image.affine), ras)
    voxels = np.rint(exact).astype(int)
    assert np.abs(exact - voxels).max() < 0.01  # of a voxel
    found = np.zeros_like(mask)
    found[tuple(voxels.T)] = 1
    assert mask.sum() > 100
    assert len(voxels) == mask.sum() and np.array_equal(found, mask)


def assert_refers_to(seg: highdicom.seg.Segmentation, folder: Path) -> None:
    """Every frame names the slice it lies on."""
    slices = {s.SOPInstanceUID: s for s in map(pydicom.dcmread, folder.iterdir())}
    for groups in seg.PerFrameFunctionalGroupsSequence:
        (source,) = groups.DerivationImageSequence[0].SourceImageSequence
        position = slices[source.ReferencedSOPInstanceUID].ImagePositionPatient
        np.testing.assert_allclose(groups.PlanePositionSequence[0].ImagePositionPatient, position, atol=1e-3)
    assert seg.FrameOfReferenceUID == next(iter(slices.values())).FrameOfReferenceUID
