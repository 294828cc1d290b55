"""A folder for results that gets whole files or none."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patchseg.errors import InputError


@contextmanager
def whole_results(folder: str | Path) -> Iterator[Path]:
    """A folder to write into; on leaving the block its files move to `folder`, after an error nothing is left.

    Args:
        folder: made if it is missing; its parent must exist.

    Raises:
        InputError: a file, no parent, or no right to write there.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to ({error.strerror}): name another folder for --output."
        ) from error
    try:
        yield temporary
        for path in temporary.iterdir():
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
