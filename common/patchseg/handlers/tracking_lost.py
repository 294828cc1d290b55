"""A run goes on when its MLflow server does not answer."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import unwrap
from typing import Any
from weakref import WeakSet

from ignite.engine import Engine
from monai.handlers import MLFlowHandler, ValidationHandler
from tqdm import tqdm

PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}  # MLflow's own: minutes
LOST: WeakSet[MLFlowHandler] = WeakSet()


def survive_lost_tracking(engine: Engine) -> None:
    """From here on, a server that cannot be reached ends the tracking and not the run; a line says so.

    Without this the first request that fails ends the training. What was not recorded is not sent later: the
    output folder holds everything.

    Args:
        engine: whose MLFlowHandler, and that of the validator it runs, may fail. List the handler that calls this
            at the engine's start before the MLFlowHandler.
    """
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    validators = [owner.validator for owner in _owners(engine) if isinstance(owner, ValidationHandler)]
    for one in filter(None, [engine, *validators]):
        for entries in one._event_handlers.values():  # ignite has no other way to change a handler
            entries[:] = [(_forgiven(handler), *rest) for handler, *rest in entries]


@contextmanager
def may_fail(tracker: MLFlowHandler) -> Iterator[None]:
    """A block that talks to MLflow; its failure loses the tracker, whose run is then gone for all who ask."""
    from mlflow.exceptions import MlflowException  # late: an optional extra, there where a tracker is

    try:
        yield
    except (MlflowException, OSError) as error:  # what requests raises is an OSError
        tracker.cur_run = None
        LOST.add(tracker)
        tqdm.write(f"MLflow fails, the run goes on untracked: {str(error).splitlines()[0][:200]}")


def owner_of(handler: Callable) -> object:
    """The object whose method a handler is, or that is called itself; guarded, filtered by ignite, or plain."""
    inner = unwrap(handler)
    return getattr(inner, "__self__", inner)


def _forgiven(handler: Callable) -> Callable:
    tracker = owner_of(handler)
    if not isinstance(tracker, MLFlowHandler):
        return handler

    @wraps(handler)
    def forgiven(*args: Any, **kwargs: Any) -> None:
        if tracker not in LOST:
            with may_fail(tracker):
                handler(*args, **kwargs)

    return forgiven


def _owners(engine: Engine) -> Iterator[object]:
    for entries in engine._event_handlers.values():
        yield from (owner_of(entry[0]) for entry in entries)
