"""One JSON line per epoch: what the report draws its curves from."""

import json
import time
from pathlib import Path
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events
from monai.engines import Evaluator

from patchseg.files import read_log, whole_file
from patchseg.handlers.iteration_loss import iteration_loss
from patchseg.metrics import plain


class TrainingLog:
    """Writes {epoch, loss, lr, seconds} per epoch, and the validator's metrics into the line of their epoch.

    List the same object among the trainer's and the validator's handlers: it tells them apart. `loss` is the
    mean over the epoch's iterations of this process, `lr` the first parameter group's rate during the epoch,
    `seconds` the training alone, without validation. Only rank 0 writes.

    A resumed run keeps the lines of the epochs before the one it starts with and replaces the rest.

    Args:
        path: the .jsonl file; its folder is made when needed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.lines: dict[int, dict[str, Any]] = {}
        self._opened = False
        self._losses: list[float] = []
        self._started = self._ended = self._rate = 0.0

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, or to the validator that runs inside it."""
        if isinstance(engine, Evaluator):
            engine.add_event_handler(Events.COMPLETED, self._validated)
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self._epoch_started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch_completed)

    def _epoch_started(self, engine: Engine) -> None:
        if not self._opened:  # not at STARTED: there a CheckpointLoader may not have set the epoch yet
            known = read_log(self.path) | self.lines
            self.lines = {n: line for n, line in known.items() if n < engine.state.epoch}
            self._opened = True
        self._losses = []
        self._rate = engine.optimizer.param_groups[0]["lr"]
        self._started = time.perf_counter()

    def _iteration_completed(self, engine: Engine) -> None:
        self._losses.append(iteration_loss(engine))
        self._ended = time.perf_counter()

    def _epoch_completed(self, engine: Engine) -> None:
        loss = sum(self._losses) / len(self._losses)
        self._record(engine.state.epoch, loss=loss, lr=self._rate, seconds=self._ended - self._started)

    def _validated(self, engine: Engine) -> None:
        # MONAI's ValidationHandler runs the validator with the trainer's epoch as its own
        self._record(engine.state.epoch, **engine.state.metrics)

    def _record(self, epoch: int, **values: Any) -> None:
        if not self._opened:  # a validation before the first epoch
            self.lines = read_log(self.path) | self.lines
        self.lines[epoch] = {"epoch": epoch} | self.lines.get(epoch, {}) | values
        if idist.get_rank() != 0:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = [json.dumps(plain(line)) + "\n" for _, line in sorted(self.lines.items())]
        with whole_file(self.path) as temporary:
            temporary.write_text("".join(text))
