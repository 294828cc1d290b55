"""From a labelled slice to the rays that the network learns from."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable
from monai.utils import convert_to_tensor
from scipy import ndimage
from torch import Tensor

from .rays import DIRECTIONS, extract_patches, patch_centres
from .slices import normalise_around


class RandObjectSliced(MapTransform, Randomizable):
    """One slice of a volume, drawn from those that show the object.

    Every slice is as likely as any other: the small ones at both ends of an organ are the difficult ones.

    Args:
        keys: image and label, (1, H, W, slices).
        label_key: the object, not 0.
        least: pixels of the object that a slice must show, if any slice of the volume shows so many.

    Shape:
        (1, H, W, slices) -> (1, H, W)
    """

    def __init__(
        self, keys: KeysCollection = ("image", "label"), label_key: str = "label", least: int = 30
    ) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.least = least

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        areas = torch.count_nonzero(_plain(d[self.label_key])[0], dim=(0, 1))
        showing = torch.nonzero(areas >= min(self.least, int(areas.max())))[:, 0]
        chosen = int(showing[self.R.randint(len(showing))])
        for key in self.key_iterator(d):
            d[key] = _plain(d[key])[..., chosen]
        return d


class RandOnePartd(MapTransform, Randomizable):
    """One of the connected parts of a slice's object, drawn at random: one kidney of two.

    A click means one of them; the others are background to it.

    Args:
        keys: labels, (1, H, W).
        least: pixels of a part that may be drawn, if any part has so many.
    """

    def __init__(self, keys: KeysCollection = ("label",), least: int = 30) -> None:
        super().__init__(keys)
        self.least = least

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            label = _plain(d[key])
            parts, _ = ndimage.label(label[0].numpy())
            sizes = np.bincount(parts.ravel())[1:]
            if sizes.size:
                large = np.flatnonzero(sizes >= min(self.least, sizes.max()))
                chosen = int(large[self.R.randint(len(large))]) + 1
                d[key] = label * torch.from_numpy(parts == chosen)[None].to(label)
        return d


class RandObjectViewd(MapTransform, Randomizable):
    """The object of a slice seen at a random size, turned and mirrored at random, in the middle of a square.

    The rays see about 48 pixels around a click, so the object's size in pixels is what a view changes most:
    organs and scanners differ in it far more than one training set shows.

    Args:
        keys: image and label, (1, H, W) tensors; the image is read bilinearly, the label by nearest neighbours.
        label_key: the object, not 0.
        size: rows and columns of the result.
        radius: smallest and largest radius, in pixels, of the circle of the object's area.
        zoom: largest change of size, either way.
    """

    def __init__(
        self,
        keys: KeysCollection = ("image", "label"),
        label_key: str = "label",
        size: int = 192,
        radius: tuple[float, float] = (8, 44),
        zoom: float = 2.5,
    ) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.size = size
        self.radius = radius
        self.zoom = zoom

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        points = torch.nonzero(_plain(d[self.label_key])[0]).float()
        shape = d[self.label_key].shape[-2:]
        here = (len(points) / np.pi) ** 0.5
        wanted = np.exp(self.R.uniform(*np.log(self.radius)))
        scale = float(np.clip(wanted / max(here, 1), 1 / self.zoom, self.zoom))
        angle = self.R.uniform(0, 2 * np.pi)
        mirror = 1 if self.R.uniform() < 0.5 else -1
        middle = points.mean(0) if len(points) else torch.tensor([(n - 1) / 2 for n in shape])
        grid = _grid(middle, shape, self.size, scale, angle, mirror)
        for key in self.key_iterator(d):
            mode = "nearest" if key == self.label_key else "bilinear"
            image = _plain(d[key]).float()[None]
            d[key] = F.grid_sample(image, grid, mode=mode, align_corners=True)[0]
        return d


class RayPatchesd(MapTransform, Randomizable):
    """A click near the middle of the object, and the patches along some of its sixteen rays.

    The click is the object's centre of mass (Sequential patches, 3) plus a random error, since no user hits it;
    it never leaves the object.

    Args:
        image_key, label_key: (1, H, W) tensors; the label is not 0 in the object.
        rays: how many of the sixteen, chosen at random.
        steps: patches per ray, T. stride: pixels from one to the next.
        click_error: largest distance of the click from the centre of mass, as a part of the object's radius.

    Returns:
        One record per ray, for MONAI's list_data_collate: image (T, 32, 32) scaled as in `judge_slices`, and
        label (T, 32, 32) of 0 and 1.
    """

    def __init__(
        self,
        image_key: str = "image",
        label_key: str = "label",
        rays: int = 8,
        steps: int = 8,
        stride: int = 4,
        click_error: float = 0.5,
    ) -> None:
        super().__init__((image_key, label_key))
        self.image_key, self.label_key = image_key, label_key
        self.rays = rays
        self.steps = steps
        self.stride = stride
        self.click_error = click_error

    def __call__(self, data: Mapping[Hashable, Any]) -> list[dict[Hashable, Tensor]]:
        image = _plain(data[self.image_key]).float()
        label = (_plain(data[self.label_key]) > 0).float()
        click = torch.tensor([click_near_centre(label[0].numpy(), self.R, self.click_error)])
        chosen = self.R.permutation(len(DIRECTIONS))[: self.rays]
        centres = patch_centres(click, self.steps, self.stride, [DIRECTIONS[ray] for ray in chosen])
        scaled = normalise_around(image, click, self.steps * self.stride)
        images = extract_patches(scaled, centres)[0]
        labels = extract_patches(label, centres)[0]
        return [
            {self.image_key: patches, self.label_key: truth} for patches, truth in zip(images, labels, strict=True)
        ]


def click_near_centre(label: np.ndarray, random: np.random.RandomState, error: float = 0.0) -> tuple[float, float]:
    """A click on an object: its centre of mass, or inside it where that lies outside, plus a random error.

    Args:
        label: (H, W), not 0 in the object.
        random: source of the error's length and direction.
        error: largest distance from the centre, as a part of the object's radius (of the circle of its area). The
            click stays inside the object: an error that leads out of it is halved until it does not.

    Returns:
        Row and column of a pixel; the middle of the slice if there is no object.

    >>> label = np.zeros((64, 64)); label[20:31, 30:41] = 1
    >>> click_near_centre(label, np.random.RandomState(0))
    (25.0, 35.0)
    """
    length, angle = random.uniform(0, error), random.uniform(0, 2 * np.pi)
    if not label.any():
        return tuple((n - 1) // 2 * 1.0 for n in label.shape)
    centre = np.array(ndimage.center_of_mass(label > 0))
    if not _inside(label, centre):
        depth = ndimage.distance_transform_edt(label > 0)
        centre = np.array(np.unravel_index(depth.argmax(), depth.shape), dtype=float)
    away = length * (np.count_nonzero(label) / np.pi) ** 0.5 * np.array([np.sin(angle), np.cos(angle)])
    while not _inside(label, centre + away):
        away = away / 2 if np.abs(away).max() > 0.5 else 0 * away
    row, column = np.rint(centre + away)
    return float(row), float(column)


def _plain(image: Any) -> Tensor:
    """Without the meta data, which views and patches do not follow."""
    return convert_to_tensor(image, track_meta=False)


def _inside(label: np.ndarray, point: np.ndarray) -> bool:
    row, column = np.rint(point).astype(int)
    return 0 <= row < label.shape[0] and 0 <= column < label.shape[1] and bool(label[row, column])


def _grid(middle: Tensor, shape: tuple[int, int], size: int, scale: float, angle: float, mirror: int) -> Tensor:
    """Where each pixel of the view lies in the slice: (1, size, size, 2), x and y in -1..1."""
    steps = (torch.arange(size) - (size - 1) / 2) / scale
    row, column = torch.meshgrid(steps, mirror * steps, indexing="ij")
    turned_row = np.cos(angle) * row - np.sin(angle) * column + middle[0]
    turned_column = np.sin(angle) * row + np.cos(angle) * column + middle[1]
    x = turned_column / max(shape[1] - 1, 1) * 2 - 1
    y = turned_row / max(shape[0] - 1, 1) * 2 - 1
    return torch.stack([x, y], -1)[None].float()
