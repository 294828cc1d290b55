"""How far a run is, and how long it still takes."""

import sys
from typing import TextIO

import ignite.distributed as idist
from ignite.engine import Engine, Events
from tqdm import tqdm

from patchseg.handlers.iteration_loss import iteration_loss


class Progress:
    """One tqdm bar on stderr over all iterations of all epochs, with the time left for the whole run.

    ignite's own ProgressBar starts anew with every epoch and so knows only the epoch's end. The bar shows the
    loss of a trainer (over about the last 50 iterations) and every number in `engine.state.metrics`.
    Where stderr is no terminal (a log file) it writes one plain line every ten seconds at most. Rank 0 only.

    Args:
        total: iterations of the whole run; by default max_epochs x epoch_length.
        description: the text before the bar.
    """

    def __init__(self, total: int | None = None, description: str = "") -> None:
        self.total = total
        self.description = description
        self.bar: tqdm | None = None
        self._loss: float | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer or an evaluator."""
        if idist.get_rank() != 0:
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self._open)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._step)
        engine.add_event_handler(Events.COMPLETED, self._close)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._fail)

    def _open(self, engine: Engine) -> None:
        if self.bar is not None:
            return
        state = engine.state
        # MONAI's evaluator counts epochs as the trainer does but iterations from zero: add what is left
        left = (state.max_epochs - state.epoch + 1) * state.epoch_length
        terminal = sys.stderr.isatty()
        self.bar = tqdm(
            desc=self.description or None,
            total=self.total or state.iteration + left,
            initial=state.iteration,
            file=sys.stderr if terminal else _Lines(sys.stderr),
            mininterval=0.1 if terminal else 10,
            dynamic_ncols=terminal,
        )

    def _step(self, engine: Engine) -> None:
        if self.bar is None:
            return
        shown = {k: f"{v:.3g}" for k, v in engine.state.metrics.items() if isinstance(v, int | float)}
        loss = iteration_loss(engine)
        if loss is not None:
            self._loss = loss if self._loss is None else 0.98 * self._loss + 0.02 * loss
            shown = {"loss": f"{self._loss:.4g}"} | shown
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def _close(self, engine: Engine) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = None

    def _fail(self, engine: Engine, error: BaseException) -> None:
        self._close(engine)  # so that nothing is printed after what went wrong
        raise error  # ignite leaves that to its handlers


class _Lines:
    """A stream for tqdm that is no terminal: every redrawing becomes a line of its own."""

    encoding = "utf-8"

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if text.strip():
            self.stream.write(text.strip() + "\n")

    def flush(self) -> None:
        self.stream.flush()
