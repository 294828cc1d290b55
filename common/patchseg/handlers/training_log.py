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
    """Writes {epoch, loss, lr, seconds, cpu_seconds} per epoch, and the validator's metrics into the same line.

    List one among the trainer's handlers and one of the same path among the validator's. `loss` is the
    mean over the epoch's iterations of this process, `lr` the first parameter group's rate during the epoch,
    `seconds` the training alone, without validation, and `cpu_seconds` what this process computed in them,
    whatever else ran beside it. Only rank 0 writes.

    A resumed run keeps the lines of the epochs before the one it starts with and replaces the rest.

    Args:
        path: the .jsonl file; its folder is made when needed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._losses: list[float] = []
        self._rate = 0.0
        self._started = self._ended = (0.0, 0.0)

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, or to the validator that runs inside it."""
        if isinstance(engine, Evaluator):
            engine.add_event_handler(Events.COMPLETED, self._validated)
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self._epoch_started)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._iteration_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._epoch_completed)

    def _epoch_started(self, engine: Engine) -> None:
        self._losses = []
        self._rate = engine.optimizer.param_groups[0]["lr"]
        self._started = (time.perf_counter(), time.process_time())

    def _iteration_completed(self, engine: Engine) -> None:
        self._losses.append(iteration_loss(engine))
        self._ended = (time.perf_counter(), time.process_time())

    def _epoch_completed(self, engine: Engine) -> None:
        loss = sum(self._losses) / len(self._losses)
        seconds, cpu_seconds = (end - start for start, end in zip(self._started, self._ended, strict=True))
        self._record(engine.state.epoch, loss=loss, lr=self._rate, seconds=seconds, cpu_seconds=cpu_seconds)

    def _validated(self, engine: Engine) -> None:
        # MONAI's ValidationHandler runs the validator with the trainer's epoch as its own
        self._record(engine.state.epoch, **engine.state.metrics)

    def _record(self, epoch: int, **values: Any) -> None:
        if idist.get_rank() != 0:
            return
        # the file is all there is to know: the trainer's log and the validator's both write it
        lines = {n: line for n, line in read_log(self.path).items() if n <= epoch}
        lines[epoch] = {"epoch": epoch} | lines.get(epoch, {}) | values
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self.path) as temporary:
            temporary.write_text("".join(json.dumps(plain(line)) + "\n" for line in lines.values()))
