"""The picture of how a click becomes an outline, from the first case an evaluator sees."""

from pathlib import Path

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.engines import IterationEvents
from monai.networks.utils import eval_mode
from monai.utils import CommonKeys

from patchseg.seqpatch.drawing import draw_rays


class DrawRays:
    """Writes `draw_rays` of the evaluator's first case, on the network's grid, in the slice of its first click.

    The evaluator's batches hold the image with its clicks behind it, (B, 3, H, W, D), and its predictions the
    probability first, (B, channels, H, W, D), before any post-processing. Rank 0 only.

    Args:
        path: the PNG; under `pictures/` of the run's folder the report finds it.
        steps, stride: patches per ray and pixels between them, as the inferer has them.
        ray: which of the sixteen is unrolled.
        label_key: reference on the network's grid, (B, 1, H, W, D); None, or a batch without it, draws none.
    """

    def __init__(
        self,
        path: str | Path,
        steps: int = 8,
        stride: int = 4,
        ray: int = 2,
        label_key: str | None = "grid_label",
    ) -> None:
        self.path = path
        self.rays = {"steps": steps, "stride": stride, "ray": ray}
        self.label_key = label_key
        self._first: dict[str, torch.Tensor] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator."""
        if idist.get_rank() != 0:
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self._clear)
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self._keep)
        # at the end, so that drawing is not timed as part of the case
        engine.add_event_handler(Events.COMPLETED, self._draw)

    def _clear(self, engine: Engine) -> None:
        self._first = {}

    def _keep(self, engine: Engine) -> None:
        image = engine.state.output[CommonKeys.IMAGE][0]
        if self._first or not bool(image[1].any()):
            return
        row, column, level = image[1].nonzero()[0].tolist()
        self._first = {
            "click": torch.tensor([row, column]),
            "image": image[0, ..., level],
            "result": engine.state.output[CommonKeys.PRED][0, 0, ..., level] > 0.5,
        }
        if self.label_key in engine.state.batch:
            self._first["reference"] = engine.state.batch[self.label_key][0, 0, ..., level] > 0

    def _draw(self, engine: Engine) -> None:
        if not self._first:
            return
        shown = {key: torch.as_tensor(value).cpu().numpy() for key, value in self._first.items()}
        row, column = shown.pop("click").tolist()
        network = engine.network

        def judge(patches: torch.Tensor) -> torch.Tensor:
            return network(patches.to(engine.state.device)).cpu()

        with eval_mode(network):
            draw_rays(click=(row, column), network=judge, path=self.path, **shown, **self.rays)
