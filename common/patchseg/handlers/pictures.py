"""Pictures of the cases an evaluator sees, one file per epoch."""

from collections.abc import Callable
from pathlib import Path

import ignite.distributed as idist
from ignite.engine import Engine, Events

from patchseg.handlers.case_measures import case_names
from patchseg.handlers.tracking import track_picture
from patchseg.metrics import dice
from patchseg.pictures import Panel, montage, panel


class Pictures:
    """Draws up to `count` cases of an epoch, the first ones and always the worst by Dice, as `epoch_003.png`.

    Each case shows the slice with its largest reference area. An MLFlowHandler on the same engine gets the
    picture as an artifact under `pictures/`. Under torchrun, rank 0 draws from the cases it evaluated itself.

    Args:
        folder: where the PNG files go.
        every: draw every so many epochs.
        count: cases per picture.
        epoch: gives the epoch's number; by default the engine's own, which MONAI's ValidationHandler sets to
            the trainer's.
    """

    def __init__(
        self, folder: str | Path, every: int = 1, count: int = 6, epoch: Callable[[], int] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.every = every
        self.count = count
        self.epoch = epoch
        self._first: list[tuple[float, Panel]] = []
        self._worst: tuple[float, Panel] | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator whose items hold `image`, `pred` and `label`, each (1, X, Y, Z).

        Of an image with clicks behind it, (3, X, Y, Z), the first channel is drawn. Of masks with several
        structures each is outlined, and the Dice is that of all together.
        """
        if idist.get_rank() != 0:
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self._clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._keep)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._draw)

    def _clear(self, engine: Engine) -> None:
        self._first, self._worst = [], None

    def _number(self, engine: Engine) -> int:
        return self.epoch() if self.epoch else engine.state.epoch

    def _keep(self, engine: Engine) -> None:
        if self._number(engine) % self.every:
            return
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            score = dice(output["pred"] != 0, output["label"] != 0)
            worse = self._worst is None or score < self._worst[0]
            if len(self._first) >= self.count and not worse:
                continue
            title = f"{case_names(item)['name']}  DSC {score:.3f}"
            image = output["image"][:1]  # without the clicks behind it
            shown = (score, panel(image, output["label"], output["pred"], title))
            if len(self._first) < self.count:
                self._first.append(shown)
            if worse:
                self._worst = shown

    def _draw(self, engine: Engine) -> None:
        if self._worst is None:
            return
        if not any(shown is self._worst for shown in self._first):
            self._first[-1] = self._worst
        shown = [one for _, one in sorted(self._first, key=lambda s: s[0])]
        path = montage(shown, self.folder / f"epoch_{self._number(engine):03d}.png")
        track_picture(engine, path)
