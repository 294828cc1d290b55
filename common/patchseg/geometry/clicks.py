"""Clicks from the file's voxels to the network's grid, where they become two channels beside the image.

Two ways to name a voxel meet here. In the file: [i, j, k], counted from 0, i along the first axis as it is
stored (the fastest in NIfTI, the column of a PNG). In the network's grid: (row, column, slice), see
`NetworkGridd`. Between them lie world millimetres (RAS+), to which each grid has its affine.
"""

import ast
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import TraceKeys
from numpy.typing import ArrayLike

from patchseg.data.checks import file_of
from patchseg.errors import InputError

from .air import in_air
from .network_grid import ROUNDED


class ClickGuidanced(MapTransform):
    """Write foreground and background clicks into two channels behind the image; runs after `NetworkGridd`.

    Servers hand an inferer the image and nothing else, so the clicks travel as channels: 1.0 in the voxel of
    a click, 0 elsewhere. The lists themselves leave the data, since they would not collate into batches.

    Args:
        keys: images in the network's grid, (1, rows, columns, slices) MetaTensors.
        foreground: key of the clicks inside the object, in a form that `read_clicks` reads; at least one.
        background: key of the clicks outside of it; may be missing, None or empty.

    Raises:
        InputError: no foreground click; a click that is not whole numbers, or outside the image; a foreground
            click in air (see `in_air`), where there is nothing to segment.

    Shape:
        (1, rows, columns, slices) -> (3, rows, columns, slices): image, foreground, background

    >>> from patchseg.geometry import NetworkGridd
    >>> affine = torch.diag(torch.tensor([-1.0, -2.0, 3.0, 1.0]))  # i runs to the left, j to the back
    >>> image = NetworkGridd("image", spacing=1.0)({"image": MetaTensor(torch.rand(1, 40, 30, 5), affine=affine)})
    >>> guided = ClickGuidanced("image")({**image, "foreground": [[12, 20, 3]]})["image"]
    >>> guided.shape, guided[1].nonzero().tolist()  # j counts steps of 2 mm, rows are 1 mm apart
    (torch.Size([3, 59, 40, 5]), [[40, 12, 3]])
    """

    def __init__(
        self, keys: KeysCollection = "image", foreground: str = "foreground", background: str = "background"
    ) -> None:
        super().__init__(keys)
        self.foreground = foreground
        self.background = background

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        inside, outside = (read_clicks(d.pop(key, None)) for key in (self.foreground, self.background))
        for key in self.key_iterator(d):
            image = d[key]
            if not inside:
                raise InputError(
                    f"{file_of(image, key)} has no {self.foreground} click: click inside the object, "
                    "or give its voxel, such as [[120, 98, 14]]."
                )
            foreground, background = (_voxels(clicks, image, file_of(image, key)) for clicks in (inside, outside))
            _refuse_both(inside, outside, file_of(image, key))
            _refuse_air(image, foreground, inside, file_of(image, key))
            channels = [image.as_tensor(), *(_channel(image, voxels) for voxels in (foreground, background))]
            d[key] = MetaTensor(torch.cat(channels), meta=image.meta, applied_operations=image.applied_operations)
        return d


def read_clicks(given: Any) -> list[list[int]]:
    """Clicks as a client or a person gives them, as lists of whole numbers.

    Args:
        given: None, a list of clicks, one click, or a string of either; numbers may be floats of whole value.

    Raises:
        InputError: something else.

    >>> read_clicks("[[120, 98, 14], [118, 97, 9]]"), read_clicks([[120.0, 98.0]]), read_clicks("5,6,7")
    ([[120, 98, 14], [118, 97, 9]], [[120, 98]], [[5, 6, 7]])
    >>> read_clicks(None), read_clicks("[]")
    ([], [])
    """
    clicks = _unpacked(given)
    if not isinstance(clicks, list | tuple):
        raise InputError(
            f'"{_short(given)}" is no click: give three whole numbers i,j,k, the voxel counted from 0.'
        )
    if clicks and not isinstance(_unpacked(clicks[0]), list | tuple):
        clicks = [clicks]
    return [_whole_numbers(_unpacked(click)) for click in clicks]


def _unpacked(given: Any) -> Any:
    if isinstance(given, str):
        try:
            return ast.literal_eval(given.strip() or "[]")
        except (ValueError, SyntaxError, MemoryError, RecursionError):  # the last two: brackets without end
            return given
    if given is None:
        return []
    return given.tolist() if hasattr(given, "tolist") else given


def _whole_numbers(click: Any) -> list[int]:
    try:
        numbers = [float(n) for n in click if not isinstance(n, bool)]
        if len(numbers) in (2, 3) and all(n.is_integer() for n in numbers):
            return [int(n) for n in numbers]
    except (TypeError, ValueError):
        pass
    shown = ",".join(map(str, click)) if isinstance(click, list | tuple) else click
    raise InputError(f'click "{_short(shown)}" is not three whole numbers: give i,j,k, the voxel counted from 0.')


def _short(given: Any) -> str:
    text = str(given)
    return text if len(text) <= 80 else f"{text[:77]}..."


def to_grid(clicks: ArrayLike, original_affine: ArrayLike, current_affine: ArrayLike) -> np.ndarray:
    """Positions of file voxels in the network's grid: inverse(current affine) @ original affine.

    Args:
        clicks: (N, 3) voxel indices [i, j, k] of the file.
        original_affine: (4, 4), voxel index of the file to RAS millimetres.
        current_affine: (4, 4), voxel index of the network's grid to RAS millimetres.

    Returns:
        (N, 3) float (row, column, slice), in voxels of the network's grid, not rounded.

    >>> to_grid([[10, 20, 3]], np.diag([-1, -2, 3, 1]), [[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])
    array([[40., 10.,  3.]])
    """
    return _moved(clicks, original_affine, current_affine)


def to_file(points: ArrayLike, original_affine: ArrayLike, current_affine: ArrayLike) -> np.ndarray:
    """The way back: (N, 3) positions (row, column, slice) of the network's grid as [i, j, k] of the file.

    Arguments otherwise as for `to_grid`; the result is not rounded.

    >>> to_file([[40, 10, 3]], np.diag([-1, -2, 3, 1]), [[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])
    array([[10., 20.,  3.]])
    """
    return _moved(points, current_affine, original_affine)


def _moved(points: ArrayLike, start: ArrayLike, end: ArrayLike) -> np.ndarray:
    matrix = np.linalg.solve(np.asarray(end, dtype=float), np.asarray(start, dtype=float))
    return np.asarray(points, dtype=float).reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def file_grid(image: MetaTensor) -> tuple[tuple[int, int, int], np.ndarray]:
    """Size and affine of the file's grid, of an image that `NetworkGridd` has turned.

    They are read from what Orientation noted, where PNGs and other 2D files have their three axes and the
    affine from `AsVolumed` already.

    Returns:
        (X, Y, Z) voxels, and the affine (4, 4) from voxel index to RAS millimetres.
    """
    for step in image.applied_operations:
        if step[TraceKeys.CLASS_NAME] == "Orientation":
            x, y, z = (int(n) for n in step[TraceKeys.ORIG_SIZE])
            return (x, y, z), np.asarray(step[TraceKeys.EXTRA_INFO]["original_affine"], dtype=float)
    raise ValueError("the image has not been through NetworkGridd")


def _voxels(clicks: Sequence[Sequence[int]], image: MetaTensor, file: str) -> np.ndarray:
    """(N, 3) whole row, column, slice of clicks given in the file's voxels."""
    shape, affine = file_grid(image)
    size = " x ".join(map(str, shape))
    indices = []
    for click in clicks:
        index = [*click, 0] if len(click) == 2 and shape[2] == 1 else list(click)
        if len(index) != 3:
            raise InputError(f"click {list(click)} in {file} ({size} voxels) lacks its slice: give i,j,k.")
        if not all(0 <= n < end for n, end in zip(index, shape, strict=True)):
            last = ",".join(str(n - 1) for n in shape)
            raise InputError(
                f"click {list(click)} lies outside {file} ({size} voxels): give i,j,k from 0,0,0 to {last}."
            )
        indices.append(index)
    # the last voxel of a file may round to one behind the end of the resampled grid
    grid = np.rint(np.round(to_grid(indices, affine, image.affine), ROUNDED)).astype(int)
    return np.clip(grid, 0, np.array(image.shape[1:]) - 1)


def _refuse_both(inside: Sequence[Sequence[int]], outside: Sequence[Sequence[int]], file: str) -> None:
    both = [click for click in inside if click in outside]
    if both:
        raise InputError(f"click {both[0]} is both inside and outside the object in {file}: keep one of the two.")


def _refuse_air(image: MetaTensor, voxels: np.ndarray, clicks: Sequence[Sequence[int]], file: str) -> None:
    for click, nothing in zip(clicks, in_air(image[0].cpu().numpy(), voxels), strict=True):
        if nothing:
            size = " x ".join(map(str, file_grid(image)[0]))
            raise InputError(
                f"click {list(click)} lies in air in {file} ({size} voxels): click inside the object."
            )


def _channel(image: MetaTensor, voxels: np.ndarray) -> torch.Tensor:
    channel = torch.zeros_like(image.as_tensor())
    channel[0, voxels[:, 0], voxels[:, 1], voxels[:, 2]] = 1
    return channel
