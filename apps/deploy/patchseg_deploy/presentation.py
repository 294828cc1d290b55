"""Points that were set in a PACS viewer and saved as a DICOM presentation state (GSPS)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from patchseg.errors import InputError
from patchseg_deploy.series import Series


def read_presentation(path: str | Path, series: Series) -> list[list[float]]:
    """The points of a presentation state that lie on slices of the series.

    Annotations of other images are passed over, and so are lines, circles and text.

    Returns:
        [x, y, z] of each point in LPS millimetres.

    Raises:
        InputError: another DICOM object, or no point on a slice of the series.
    """
    state = pydicom.dcmread(path)
    if state.get("SOPClassUID") != GrayscaleSoftcopyPresentationStateStorage:
        raise InputError(f"{path} is no presentation state: give clicks as JSON or as a GSPS with points.")
    points = [
        _in_patient(pydicom.dcmread(series.files[uid], stop_before_pixels=True), *graphic.GraphicData[:2])
        for annotation in state.get("GraphicAnnotationSequence", [])
        for uid in _images(annotation)
        if uid in series.files
        for graphic in annotation.get("GraphicObjectSequence", [])
        if graphic.GraphicType == "POINT" and graphic.GraphicAnnotationUnits == "PIXEL"
    ]
    if not points:
        raise InputError(f"{path} has no point on a slice of series {series.uid}: set one inside the object.")
    return points


def _images(annotation: pydicom.Dataset) -> Iterator[str]:
    return (str(image.ReferencedSOPInstanceUID) for image in annotation.get("ReferencedImageSequence", []))


def _in_patient(image: pydicom.Dataset, x: float, y: float) -> list[float]:
    """A point on an image, in LPS millimetres; 0.5, 0.5 is the centre of the first pixel (PS3.3, C.10.5.1.2)."""
    along_row, along_column = np.reshape(np.asarray(image.ImageOrientationPatient, dtype=float), (2, 3))
    between_rows, between_columns = map(float, image.PixelSpacing)
    point = np.asarray(image.ImagePositionPatient, dtype=float)
    point = point + (x - 0.5) * between_columns * along_row + (y - 0.5) * between_rows * along_column
    return point.tolist()
