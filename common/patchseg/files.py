"""Files that are either whole or not there, and the training log, which is one."""

import errno
import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patchseg.errors import InputError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A path to write to; on leaving the block it replaces `path` at once, after an error it is removed.

    The temporary name lies in the same folder (a rename is atomic only within one file system) and ends as
    `path` does, for writers that choose the format by the ending. What a killed program left of the same file
    goes too.

    Raises:
        InputError: the disk is full, or a quota used up; what `path` held before is still there.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "mask.nii.gz"
    >>> with whole_file(target) as temporary:
    ...     _ = temporary.write_text("data")
    >>> [p.name for p in target.parent.iterdir()]
    ['mask.nii.gz']
    """
    path = Path(path)
    _remove_leftovers(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        if _is_full(path.parent, error):
            raise InputError(
                f"{path} could not be written, the disk is full: make room and give the same command again."
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    for left in path.parent.glob(f".*.{glob.escape(path.name)}"):
        process = left.name[1 : -len(path.name) - 1]
        if process.isdecimal() and not _runs(int(process)):
            left.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is no question but a signal
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another user's; no process of ours has such a number
        return True
    return True


def _is_full(folder: Path, error: OSError | RuntimeError) -> bool:
    """torch (its inline_container.cc) and ITK say only that they failed to write."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return "inline_container" in str(error) or shutil.disk_usage(folder).free < 2**20


def read_log(path: str | Path) -> dict[int, dict[str, Any]]:
    """The lines of a training log by epoch; empty when there is no such file.

    Raises:
        InputError: a line that is no JSON, or of no epoch.

    >>> read_log("nowhere/training.jsonl")
    {}
    """
    path = Path(path)
    lines = path.read_text().splitlines() if path.is_file() else []
    try:
        return {line["epoch"]: line for line in map(json.loads, filter(str.strip, lines))}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no training log, one JSON object an epoch: delete or replace it.") from error
