"""What `--tracking mlflow` leaves out: the settings of a run, and its config."""

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from mlflow.entities import Param
from monai.handlers import MLFlowHandler


class TrackSettings:
    """Records settings as parameters, and the executed config as an artifact, in the engine's MLflow run.

    MONAI appends its MLFlowHandler to a bundle's handlers with arguments of its own: it records max_epochs and
    epoch_length only, and looks for the config in a wrong place when --output_dir was given. Without tracking,
    and on other ranks than the first, this handler does nothing.

    Args:
        settings: names and values, as `{"seed": 0, "spacing": 1.5}`.
        folder: where MONAI wrote the executed config (`config_<date>_<time>.json`): the bundle's output_dir.
    """

    def __init__(self, settings: dict[str, Any], folder: str | Path) -> None:
        self.settings = settings
        self.folder = Path(folder)

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer, or to the evaluator of an evaluation: the engine whose end ends the run."""
        # not at STARTED: the MLFlowHandler, which comes last, opens its run there
        engine.add_event_handler(Events.EPOCH_STARTED, self._record)

    def _record(self, engine: Engine) -> None:
        tracker = tracker_of(engine)
        if tracker is None:
            return
        run = tracker.client.get_run(tracker.cur_run.info.run_id)
        # a resumed training goes on in the same run, and MLflow refuses another value for a known parameter
        new = {name: str(value) for name, value in self.settings.items() if name not in run.data.params}
        if new:
            tracker.client.log_batch(run.info.run_id, params=[Param(*pair) for pair in new.items()])
            configs = sorted(self.folder.glob("config_*.json"))
            for config in configs[-1:]:
                tracker.client.log_artifact(run.info.run_id, str(config))


def tracker_of(engine: Engine) -> MLFlowHandler | None:
    """The engine's MLFlowHandler with an open run; ignite lists handlers nowhere but in `_event_handlers`."""
    handlers = (entry[0] for entries in engine._event_handlers.values() for entry in entries)
    owners = (getattr(handler, "__self__", None) for handler in handlers)
    return next((o for o in owners if isinstance(o, MLFlowHandler) and o.cur_run is not None), None)
