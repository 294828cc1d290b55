"""Labelled slices and synthetic ones in one data set."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from patchseg.data.seeded import SeededCacheDataset
from patchseg.data.shapes import ShapesDataset
from patchseg.errors import InputError


class MixedDataset(Dataset):
    """Items of a labelled data set, some of them replaced by synthetic slices; each as random as the others.

    Item i of epoch e depends on (seed, e, i) alone, with any number of workers and after a resume.

    Args:
        labelled: slices of real images; short ones are gone through several times an epoch, each time anew.
        shapes: synthetic slices.
        share: probability that an item is synthetic, 0 to 1.
        transform: what both go through afterwards; MONAI's Compose.
        length: items in an epoch.
        seed: of the whole training. `epoch` is set from outside, see `handlers.SeedEpochs`.

    Raises:
        InputError: a share outside 0 to 1, or a length below 1.
    """

    def __init__(
        self,
        labelled: SeededCacheDataset,
        shapes: ShapesDataset,
        share: float,
        transform: Callable,
        length: int,
        seed: int = 0,
    ) -> None:
        if not 0 <= share <= 1:
            raise InputError(f"synthetic_share is {share}; give a part between 0 and 1.")
        if length < 1:
            raise InputError(f"slices_per_epoch is {length}; give at least 1.")
        self.labelled, self.shapes = labelled, shapes
        self.share, self.transform, self.length, self.seed = share, transform, length, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < self.length:
            raise IndexError(index)
        random = np.random.default_rng([self.seed, self.epoch, index])
        synthetic = random.random() < self.share
        dataset = self.shapes if synthetic else self.labelled
        rounds, item = divmod(index, len(dataset))
        dataset.epoch = self.epoch * (self.length // len(dataset) + 1) + rounds
        self.transform.set_random_state(seed=int(random.integers(2**31)))
        return self.transform(dataset[item])
