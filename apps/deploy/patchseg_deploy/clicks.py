"""Clicks on a DICOM series: points in the patient, in millimetres.

Programs agree on where a point lies in the patient, not on how the slices of a series are numbered. So clicks are
LPS coordinates (x to the patient's left, y to the back, z to the head), as ImagePositionPatient gives them, and
nothing else: neither voxels nor RAS.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydicom.misc import is_dicom

from patchseg.errors import InputError
from patchseg_deploy.presentation import read_presentation
from patchseg_deploy.series import Series

Points = list[list[float]]
CONVENTION = 'write "coordinates": "LPS" and points x,y,z in millimetres of the patient, not voxels and not RAS'


def read_clicks(path: str | Path, series: Series) -> dict[str, Points]:
    """Clicks out of a file: JSON, or a DICOM presentation state with points on slices of the series.

    The JSON: `{"coordinates": "LPS", "foreground": [[12.5, -40.0, 88.0]], "background": []}`. Of a presentation
    state all points count as foreground.

    Returns:
        `foreground` and `background`, each a list of [x, y, z] in LPS millimetres.

    Raises:
        InputError: no such file, neither format, another convention, or a point that is not three numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}: give clicks as a JSON file or a DICOM presentation state.")
    if is_dicom(path):
        return {"foreground": read_presentation(path, series), "background": []}
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path} is neither JSON nor DICOM: {CONVENTION}.") from error
    if not isinstance(content, Mapping) or content.get("coordinates") != "LPS":
        raise InputError(f"{path} does not say that its clicks are LPS coordinates: {CONVENTION}.")
    unknown = set(content) - {"coordinates", "foreground", "background"}
    if unknown:
        raise InputError(f'{path} has a key "{min(unknown)}": write "foreground" and "background".')
    return {key: _points(content.get(key, []), f"{path}: {key}") for key in ("foreground", "background")}


def read_points(given: Sequence[str], flag: str) -> Points:
    """Points as they are typed, "x,y,z" each.

    >>> read_points(["12.5,-40,88"], "--at")
    [[12.5, -40.0, 88.0]]
    """
    return _points([text.split(",") for text in given], flag)


def voxels_of(points: Sequence[Sequence[float]], affine: ArrayLike, shape: Sequence[int]) -> list[list[int]]:
    """The voxels [i, j, k] that LPS points lie in.

    Args:
        points: [x, y, z] in LPS millimetres.
        affine: (4, 4), voxel index to RAS millimetres.
        shape: voxels along i, j and k.

    Raises:
        InputError: a point outside of the volume; the sentence says what the volume spans.

    >>> voxels_of([[-10.2, -20, 31]], np.diag([1, 2, 3, 1]), (30, 20, 12))
    [[10, 10, 10]]
    """
    if not len(points):
        return []
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, dtype=float)
    inverse = np.linalg.inv(lps)
    indices = np.rint(np.asarray(points) @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    for point, index in zip(points, indices, strict=True):
        if not all(0 <= n < end for n, end in zip(index, shape, strict=True)):
            corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*(np.array(shape) - 1), 1]
            low, high = (f(corners @ lps.T, axis=0) for f in (np.min, np.max))
            spans = ", ".join(f"{'xyz'[n]} {low[n]:.1f} to {high[n]:.1f}" for n in range(3))
            raise InputError(
                f"click {list(map(float, point))} lies outside of the series ({spans} mm): {CONVENTION}."
            )
    return indices.tolist()


def _points(given: Any, where: str) -> Points:
    points = []
    for point in given if isinstance(given, list) else [given]:
        try:
            numbers = [float(n) for n in point]
        except (TypeError, ValueError):
            numbers = []
        if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
            raise InputError(f"{where} holds {point}, which is no point: {CONVENTION}.")
        points.append(numbers)
    return points
