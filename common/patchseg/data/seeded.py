"""A cached data set whose random transforms depend on seed, epoch and item alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from monai.data import CacheDataset


class SeededCacheDataset(CacheDataset):
    """MONAI's CacheDataset with random numbers that do not depend on the order of loading.

    The random transforms of item i in epoch e start from the seed sequence (seed, e, i): the same pictures
    with any number of workers, and after a resume.

    Args:
        data, transform, cache_rate, num_workers: as in CacheDataset; the cache holds what comes before the
            first random transform.
        seed: of the whole training. `epoch` is set from outside, see `handlers.SeedEpochs`.
    """

    def __init__(
        self,
        data: Sequence[dict[str, Any]],
        transform: Callable,
        seed: int = 0,
        cache_rate: float = 1.0,
        num_workers: int | None = 1,
        progress: bool = True,
    ) -> None:
        self.seed = seed
        self.epoch = 0
        super().__init__(data, transform, cache_rate=cache_rate, num_workers=num_workers, progress=progress)

    def _transform(self, index: int) -> Any:
        sequence = np.random.SeedSequence([self.seed, self.epoch, index])
        self.transform.set_random_state(seed=int(sequence.generate_state(1)[0]))
        return super()._transform(index)
