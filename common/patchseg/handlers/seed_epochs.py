"""The same training from the same seed, however it is interrupted and however many workers load its data."""

import torch
from ignite.engine import Engine, Events

from patchseg.data.seeded import SeededCacheDataset


class SeedEpochs:
    """Seeds every epoch on its own, so that a resumed run draws what the unbroken one would have drawn.

    Args:
        seed: of the whole training.
        dataset: the training set, which seeds each item from the epoch and the item's index.
    """

    def __init__(self, seed: int, dataset: SeededCacheDataset) -> None:
        self.seed = seed
        self.dataset = dataset

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._seed)

    def _seed(self, engine: Engine) -> None:
        torch.manual_seed(self.seed * 100_003 + engine.state.epoch)
        self.dataset.epoch = engine.state.epoch
