"""Users made of arithmetic: where they click first, and where they correct what they get.

Labels and masks are (rows, columns, slices) or one slice, (rows, columns), on the network's grid, non-zero in the
object. A click is a voxel index on that grid, with as many numbers as the label has axes.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from scipy import ndimage

from patchseg.data.checks import file_of
from patchseg.errors import InputError
from patchseg.metrics import dice

IN_PLANE = ndimage.generate_binary_structure(3, 1) * np.array([0, 1, 0])  # pixels of one slice that share a side
Draws = np.random.Generator | np.random.RandomState


class Click(NamedTuple):
    """A click on voxel `at`: on the object, or on what was falsely taken for it."""

    at: tuple[int, ...]
    foreground: bool = True


class Answer(NamedTuple):
    """What a user got for a click: the Dice of the mask then, and the seconds it took."""

    click: Click
    dsc: float
    seconds: float


def click_in(label: np.ndarray, rng: Draws | None = None, error: float = 0.0) -> tuple[int, ...]:
    """Where a user clicks first: the middle of the object, in the slice that shows most of it.

    That is the slice with the largest area (the lowest of equals), and in it the centre of mass; where that lies
    outside, as in a crescent, the nearest pixel at least half as deep inside as the deepest.

    Args:
        label: (H, W, D) or (H, W).
        rng: draws the direction of the error; None draws the same every time.
        error: how many pixels beside the middle the click lands (give or take half a pixel), still inside the
            object; where the object does not reach that far, as close to it as the object allows.

    Raises:
        InputError: the label is empty.

    >>> label = np.zeros((20, 20, 3))
    >>> label[4:7, 4:7, 0] = label[2:13, 8:19, 1] = 1
    >>> click_in(label)
    (7, 13, 1)
    """
    volume = np.atleast_3d(label) != 0
    if not volume.any():
        raise InputError("the label is empty: there is nothing to click on.")
    level = int(volume.sum((0, 1)).argmax())
    at = _middle(volume[..., level])
    if error > 0:
        pixels = np.argwhere(volume[..., level])
        off = np.abs(np.linalg.norm(pixels - at, axis=1) - error)
        fitting = pixels[off <= max(off.min(), 0.5)]
        at = fitting[(rng or np.random.default_rng(0)).choice(len(fitting))]
    return _index((*at, level), label)


def next_click(label: np.ndarray, mask: np.ndarray, given: Iterable[Click] = ()) -> Click | None:
    """Where a user corrects a mask: in the middle of the largest error that any slice shows.

    An error is a connected patch of missed, or of falsely marked, pixels of one slice; its middle is where the
    distance to all else is largest. What was missed gets a foreground click, what was falsely marked a background
    click.

    Args:
        label, mask: (H, W, D) or (H, W).
        given: the clicks so far; nobody clicks the same voxel twice.

    Returns:
        The click, or None when nothing is left to correct.

    >>> label, mask = np.zeros((12, 12)), np.zeros((12, 12))
    >>> label[2:9, 2:9] = mask[2:9, 2:4] = mask[11] = 1
    >>> next_click(label, mask)
    Click(at=(5, 6), foreground=True)
    """
    wanted, got = np.atleast_3d(label) != 0, np.atleast_3d(mask) != 0
    free = np.ones(wanted.shape, bool)
    for click in given:
        free[(*click.at, 0)[:3]] = False
    missed, invented = _largest_part(wanted & ~got & free), _largest_part(got & ~wanted & free)
    foreground = bool(missed.sum() >= invented.sum())
    part = missed if foreground else invented
    if not part.any():
        return None
    level = int(part.any((0, 1)).argmax())
    depth = _depth(part[..., level])
    deepest = np.argwhere(depth == depth.max())
    return Click(_index((*_nearest(deepest, deepest.mean(0)), level), label), foreground)


def simulate_user(
    segment: Callable[[Sequence[Click]], np.ndarray],
    label: np.ndarray,
    clicks: int,
    rng: Draws | None = None,
    error: float = 0.0,
) -> list[Answer]:
    """A user who clicks once, looks, and corrects, up to `clicks` times in all; fewer if the mask is perfect.

    Args:
        segment: gives the mask, of the label's shape, for all clicks so far.
        label: what the user has in mind, (H, W, D) or (H, W).
        clicks: how many, the first one included.
        rng, error: of the first click, see `click_in`.

    >>> label = np.zeros((9, 9))
    >>> label[2:7, 2:7] = 1
    >>> [round(a.dsc, 2) for a in simulate_user(lambda given: label * (len(given) > 1), label, clicks=5)]
    [0.0, 1.0]
    """
    given = [Click(click_in(label, rng, error))]
    answers: list[Answer] = []
    while True:
        start = time.perf_counter()
        mask = segment(given)
        seconds = time.perf_counter() - start
        answers.append(
            Answer(given[-1], dice(*(torch.from_numpy(np.atleast_3d(m) != 0) for m in (mask, label))), seconds)
        )
        following = next_click(label, mask, given)
        if following is None or len(given) == clicks:
            return answers
        given.append(following)


def guidance(clicks: Iterable[Click], shape: Sequence[int]) -> torch.Tensor:
    """The clicks as channels behind the image: (2, *shape) float32, ones at foreground, at background clicks."""
    channels = torch.zeros(2, *shape)
    for click in clicks:
        channels[(0 if click.foreground else 1, *click.at)] = 1
    return channels


class SimulateClickd(MapTransform, RandomizableTransform):
    """Put a simulated first click behind each image: (1, H, W, D) -> (3, H, W, D).

    Channel 0 is the image, 1 the foreground click (one voxel of 1), 2 the background clicks (none). The error's
    direction comes from the transform's random state: the same for any order of loading in a
    `SeededCacheDataset`.

    Args:
        keys: images on the network's grid.
        label_key: the label on the same grid, (1, H, W, D).
        error: see `click_in`, in pixels.

    Raises:
        InputError: the label is empty.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", error: float = 0.0) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self)
        self.label_key = label_key
        self.error = error

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        label = np.asarray(d[self.label_key][0].cpu())
        if not label.any():
            name = file_of(d[self.label_key], self.label_key)
            raise InputError(f"{name} marks no object: there is nothing to click on.")
        click = Click(click_in(label, self.R, self.error))
        for key in self.key_iterator(d):
            channels = guidance([click], label.shape).to(d[key])
            d[key] = torch.cat([d[key], channels])
        return d


def _middle(area: np.ndarray) -> np.ndarray:
    pixels = np.argwhere(area)
    centre = pixels.mean(0)
    if area[tuple(np.rint(centre).astype(int))]:
        return np.rint(centre)
    depth = _depth(area)
    return _nearest(np.argwhere(depth >= depth.max() / 2), centre)


def _depth(area: np.ndarray) -> np.ndarray:
    """Distance of each pixel of (H, W) to the nearest outside the area; the image's border is outside."""
    return ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]


def _nearest(pixels: np.ndarray, point: np.ndarray) -> np.ndarray:
    return pixels[np.linalg.norm(pixels - point, axis=1).argmin()]


def _largest_part(volume: np.ndarray) -> np.ndarray:
    """The largest connected patch of any slice, as a volume; nothing when there is none."""
    parts, _ = ndimage.label(volume, IN_PLANE)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (parts == sizes.argmax()) & volume


def _index(at: Iterable[float], label: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in at)[: np.ndim(label)]
