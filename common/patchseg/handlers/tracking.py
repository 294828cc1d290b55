"""What `--tracking mlflow` leaves out: the settings of a run, and its config."""

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import MLFlowHandler

from patchseg.handlers.tracking_lost import may_fail, owner_of, survive_lost_tracking


class TrackSettings:
    """Records settings as parameters, and the executed config as an artifact, in the engine's MLflow run.

    MONAI appends its MLFlowHandler to a bundle's handlers with arguments of its own: it records max_epochs and
    epoch_length only, and looks for the config in a wrong place when --output_dir was given. Without tracking,
    and on other ranks than the first, this handler does nothing. A server that stops answering ends the tracking,
    not the run (`survive_lost_tracking`).

    Args:
        settings: names and values, as `{"seed": 0, "spacing": 1.5}`.
        folder: where MONAI wrote the executed config (`config_<date>_<time>.json`): the bundle's output_dir.
    """

    def __init__(self, settings: dict[str, Any], folder: str | Path) -> None:
        self.settings = settings
        self.folder = Path(folder)

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer, or to the evaluator of an evaluation: the engine whose end ends the run."""
        # listed before the MLFlowHandler, so that its start is guarded too
        engine.add_event_handler(Events.STARTED, survive_lost_tracking)
        # not at STARTED: the MLFlowHandler, which comes last, opens its run there
        engine.add_event_handler(Events.EPOCH_STARTED, self._record)

    def _record(self, engine: Engine) -> None:
        tracker = tracker_of(engine)
        if tracker is not None:
            with may_fail(tracker):
                self._send(tracker)

    def _send(self, tracker: MLFlowHandler) -> None:
        run = tracker.client.get_run(tracker.cur_run.info.run_id)
        # a resumed training goes on in the same run, and MLflow refuses another value for a known parameter
        new = {name: str(value) for name, value in self.settings.items() if name not in run.data.params}
        if new:
            from mlflow.entities import Param  # late: an optional extra

            tracker.client.log_batch(run.info.run_id, params=[Param(*pair) for pair in new.items()])
            configs = sorted(self.folder.glob("config_*.json"))
            for config in configs[-1:]:
                tracker.client.log_artifact(run.info.run_id, str(config))


def track_picture(engine: Engine, path: Path) -> None:
    """Put a picture into the engine's MLflow run, if it has one."""
    tracker = tracker_of(engine)
    if tracker is not None:
        with may_fail(tracker):
            tracker.client.log_artifact(tracker.cur_run.info.run_id, str(path), "pictures")


def tracker_of(engine: Engine) -> MLFlowHandler | None:
    """The engine's MLFlowHandler with an open run; ignite lists handlers nowhere but in `_event_handlers`."""
    handlers = (entry[0] for entries in engine._event_handlers.values() for entry in entries)
    owners = (owner_of(handler) for handler in handlers)
    return next((o for o in owners if isinstance(o, MLFlowHandler) and o.cur_run is not None), None)
