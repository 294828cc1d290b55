"""Synthetic slices with one object, as many as wanted: training material for a click on organs never seen.

A network trained on a few organs learns those organs. Here shapes, tones, textures, surroundings and scanners
are drawn at random, far more widely than any scanner would, so that what is left to learn is the boundary
around the click (label-driven synthesis, as in Billot et al., SynthSeg, 2023).
"""

import numpy as np
import torch
from torch.utils.data import Dataset

from patchseg.data.shapes_outline import Outline, random_outline
from patchseg.data.shapes_scanner import scanned
from patchseg.data.shapes_texture import blend, smooth_noise, soft
from patchseg.data.shapes_tissue import (
    paint_neighbour,
    paint_object,
    paint_papillary,
    paint_regions,
    paint_ring,
)
from patchseg.errors import InputError

SIZE = (192, 192)
RADII = (8.0, 44.0)  # pixels: of the disc of the same area
SCANNERS = {"mr": 0.6, "ct": 0.15, "ultrasound": 0.25}


def random_object(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """One synthetic slice of an MR, CT or ultrasound scan and the mask of the object near its middle.

    Args:
        rng: the source of all variation.
        size: rows and columns.

    Returns:
        Image (float32, finite, scale and offset at random) and label (uint8: 1 is the object, one connected
        part), both (rows, columns). The object is as large as a disc of radius 8 to 44 pixels
        in a slice of 192, and in proportion to the shorter side in others.

    >>> image, label = random_object(np.random.default_rng(0))
    >>> image.shape, image.dtype.name, label.dtype.name, np.unique(label).tolist()
    ((192, 192), 'float32', 'uint8', [0, 1])
    """
    kind = str(rng.choice(list(SCANNERS), p=list(SCANNERS.values())))
    radius = rng.uniform(*RADII) * min(size) / min(SIZE)
    centre = (np.array(size) - 1) / 2 + rng.normal(0, 6, 2)
    outline = random_outline(rng, size, radius, tuple(centre))

    contrast = float(np.exp(rng.uniform(np.log(0.15 if kind == "ultrasound" else 0.06), np.log(0.5))))
    bright = rng.random() < (0.2 if kind == "ultrasound" else 0.6)
    tone = float(np.clip(rng.uniform(0.3, 0.95) if bright else rng.uniform(0.02, 0.6), 0, 1))
    sign = -1 if bright else 1
    image = paint_regions(rng, size, _tones(rng, tone, sign * contrast, int(rng.integers(3, 9))))
    _paint_neighbours(rng, image, outline, tone, sign * contrast)
    inside = paint_object(rng, outline, tone, contrast)
    _paint_borders(rng, image, inside, outline, tone, sign * contrast)
    ragged = outline.distance + np.float32(0.6 * rng.random()) * smooth_noise(rng, size, 2.5)
    blend(image, soft(ragged, rng.uniform(1, 5 if kind == "ultrasound" else 3)), inside)
    return scanned(rng, image, outline, kind), outline.mask.astype(np.uint8)


def _tones(rng: np.random.Generator, tone: float, step: float, count: int) -> np.ndarray:
    """Tones of the surroundings: most differ from the object by about `step`, some by anything, some hardly."""
    tones = tone + step * rng.uniform(0.4, 1.6, count)
    other = rng.random(count)
    tones = np.where(other < 0.4, rng.uniform(0, 1.1, count), tones)
    tones = np.where(other > 0.85, tone + rng.normal(0, 0.05, count), tones)
    return np.clip(tones, 0, 1.1)


def _paint_neighbours(
    rng: np.random.Generator, image: np.ndarray, outline: Outline, tone: float, step: float
) -> None:
    """Organs, vessels and bones: some touch the object, and now and then one has its tone."""
    rows, columns = np.nonzero(np.abs(outline.distance) < 1)
    for value in _tones(rng, tone, step, int(rng.integers(0, 9))):
        if rng.random() < 0.4 and rows.size:
            radius = outline.radius * rng.uniform(0.3, 1.3)
            edge = rng.integers(rows.size)
            middle = np.array([rows.mean(), columns.mean()])
            border = np.array([rows[edge], columns[edge]])
            outward = (border - middle) / max(np.linalg.norm(border - middle), 1e-3)
            centre = border + outward * radius * rng.uniform(0.6, 1.2)
        else:
            radius = float(np.exp(rng.uniform(np.log(3), np.log(40))))
            centre = rng.uniform(0, 1, 2) * image.shape
        paint_neighbour(rng, image, centre, radius, float(value))


def _paint_borders(
    rng: np.random.Generator,
    image: np.ndarray,
    inside: np.ndarray,
    outline: Outline,
    tone: float,
    step: float,
) -> None:
    """What follows the object's boundary: a wall such as the myocardium, a line of fat, a capsule."""
    if rng.random() < 0.3:
        wall = tone + step * rng.uniform(0.8, 1.6)
        paint_ring(rng, image, outline, wall, rng.uniform(3, 15))
        if rng.random() < 0.5:
            paint_papillary(rng, inside, outline, wall)
    elif rng.random() < 0.3:
        paint_ring(rng, image, outline, rng.uniform(0, 1), rng.uniform(1, 3))


class ShapesDataset(Dataset):
    """Synthetic slices from `random_object`; item i of epoch e depends on (seed, e, i) alone.

    Args:
        length: items in an epoch.
        seed: of the whole training. `epoch` is set from outside, see `handlers.SeedEpochs`.
        size: rows and columns.

    Raises:
        InputError: a length below 1.

    >>> data = ShapesDataset(length=100, seed=1)
    >>> data.epoch = 3
    >>> tuple(data[7]["image"].shape), data[7]["label"].dtype
    ((1, 192, 192), torch.uint8)
    """

    def __init__(self, length: int, seed: int = 0, size: tuple[int, int] = SIZE) -> None:
        if length < 1:
            raise InputError(f"length is {length}; give at least 1 slice per epoch.")
        self.length, self.seed, self.size = length, seed, tuple(size)
        self.epoch = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        if not -self.length <= index < self.length:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, self.epoch, index % self.length])
        image, label = random_object(rng, self.size)
        return {"image": torch.from_numpy(image)[None], "label": torch.from_numpy(label)[None]}
