"""One running training per output folder."""

import os
import time
from pathlib import Path

from patchseg.errors import InputError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there two runs are not told apart
    fcntl = None

PATIENCE = 10.0  # seconds: loading processes of a run that was killed hold its folder until they notice, about 5 s
_held: dict[Path, int] = {}


def claim(folder: Path, patience: float = PATIENCE) -> None:
    """Hold a folder until this process ends, however it ends; nothing is written.

    Args:
        folder: made when it is not there.
        patience: seconds to wait for another process to let go.

    Raises:
        InputError: another running process holds it, or it cannot be made.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror}): give another output_dir.") from error
    if fcntl is None or folder in _held:
        return
    handle = os.open(folder, os.O_RDONLY)
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < until:
                time.sleep(0.1)
                continue
            os.close(handle)
            raise InputError(
                f"another running training writes to {folder}: wait for its end, or give another output_dir."
            ) from None
        except OSError:  # a file system without locks
            os.close(handle)
            return
        _held[folder] = handle
        return
