"""The split of a training, written down once the training is sure to run."""

from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from patchseg.data.splits import write_split


class WriteSplit:
    """Writes the split when the trainer starts. List it after Resume.

    Resume refuses an output_dir that holds another training, whose split must then stay as it is. Only rank 0
    writes.

    Args:
        split: what `split_cases` gave.
        path: the JSON file.
    """

    def __init__(self, split: dict[str, Any], path: str | Path) -> None:
        self.split = split
        self.path = path

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        if idist.get_rank() == 0:
            engine.add_event_handler(Events.STARTED, lambda: write_split(self.split, self.path))
