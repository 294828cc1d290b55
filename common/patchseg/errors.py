"""One exception for everything a user can mend, and the way it reaches them: a sentence, not a traceback."""

import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

PIPES = (BrokenPipeError, ConnectionRefusedError, ConnectionResetError, EOFError)
WORKER_DIED = re.compile(r"DataLoader worker \(.*?\) (is killed by signal: [^.]*|exited unexpectedly)")


class InputError(ValueError):
    """Something the user gave is wrong. The message names the file or key, what is wrong and what to do."""


def input_error_in(error: BaseException | None) -> InputError | None:
    """The InputError that an exception is, or was raised from; MONAI and ignite wrap what a transform raises.

    A process of the run that died counts as one.

    >>> try:
    ...     try:
    ...         raise InputError("scan.nii.gz holds no image")
    ...     except InputError as inner:
    ...         raise RuntimeError("applying transform ...") from inner
    ... except RuntimeError as outer:
    ...     print(input_error_in(outer))
    scan.nii.gz holds no image
    """
    return next((wrong for e in _chain(error) for wrong in [_as_input_error(e)] if wrong), None)


def _as_input_error(error: BaseException) -> InputError | None:
    """The error itself, one of a packed bundle's own copy of the class, or one that a DataLoader's worker sent."""
    if isinstance(error, InputError):
        return error
    if type(error).__name__ == InputError.__name__ and isinstance(error, ValueError):
        return InputError(str(error))
    sent = re.findall(rf"^{__name__}\.{InputError.__name__}: (.*)$", str(error), re.MULTILINE)
    return InputError(sent[0]) if sent else _as_missing(error) or _as_died(error)


def _as_missing(error: BaseException) -> InputError | None:
    """What MONAI says of `--tracking mlflow` without mlflow; by name, since importing MONAI takes seconds."""
    if type(error).__name__ != "OptionalImportError" or "mlflow" not in str(error):
        return None
    return InputError(
        "tracking by mlflow is not installed: pip install 'patchseg[mlflow]', or leave out --tracking."
    )


def _as_died(error: BaseException) -> InputError | None:
    """What torch says when another process of the run has died; it has no types of its own for that."""
    starting = isinstance(error, PIPES) and any(
        "multiprocessing" in frame.filename for frame in traceback.extract_tb(error.__traceback__)
    )
    if not isinstance(error, RuntimeError) and not starting:
        return None
    worker = WORKER_DIED.search(str(error))
    if worker or starting:
        how = worker[1].strip() if worker else "ended as it was started"
        return InputError(
            f"a loading process died (it {how}), mostly for lack of memory: give the same command again to go on, "
            "with a smaller --num_workers."
        )
    if "gloo/transport" in str(error) or type(error).__name__ in ("DistBackendError", "DistNetworkError"):
        return InputError(
            "another process of this run has ended or cannot be reached: see what it said, and give the same "
            "command again to go on."
        )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@contextmanager
def sentence_and_exit() -> Iterator[None]:
    """End the program with an InputError's sentence on stderr and exit code 2; for the main function of a command.

    Any other exception keeps its traceback. A bundle's run has no main function of ours: see `show_as_sentence`.
    """
    try:
        yield
    except Exception as error:
        wrong = input_error_in(error)
        if wrong is None:
            raise
        print(f"error: {wrong}", file=sys.stderr)
        sys.exit(2)


def show_as_sentence() -> None:
    """Make an InputError that nobody catches end the program with its sentence on stderr and exit code 2.

    The bundles call this from `initialize`, since `python -m monai.bundle` offers no other way to end a run
    without a traceback. Any other exception keeps its traceback.

    Raises:
        InputError: a setting typed behind the config that it does not have or cannot take, see `check_overrides`.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        wrong = input_error_in(error)
        if wrong is None:
            sys.__excepthook__(kind, error, trace)
            return
        # the original stderr: under torchrun, torch's own hook holds back what this one prints, and loses it
        print(f"error: {wrong}", file=sys.__stderr__, flush=True)
        sys.stdout.flush()
        # not sys.exit: libraries' threads that still run then abort the interpreter's own end, with code -6
        os._exit(2)

    sys.excepthook = hook
    from patchseg.overrides import check_overrides  # late: it raises this module's InputError

    check_overrides(sys.argv)
