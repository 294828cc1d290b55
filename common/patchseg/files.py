"""Files that are either whole or not there, and the training log, which is one."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A path to write to; on leaving the block it replaces `path` at once, after an error it is removed.

    The temporary name lies in the same folder (a rename is atomic only within one file system) and ends as
    `path` does, for writers that choose the format by the ending.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "mask.nii.gz"
    >>> with whole_file(target) as temporary:
    ...     _ = temporary.write_text("data")
    >>> [p.name for p in target.parent.iterdir()]
    ['mask.nii.gz']
    """
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_log(path: str | Path) -> dict[int, dict[str, Any]]:
    """The lines of a training log by epoch; empty when there is no such file.

    >>> read_log("nowhere/training.jsonl")
    {}
    """
    path = Path(path)
    lines = path.read_text().splitlines() if path.is_file() else []
    return {line["epoch"]: line for line in map(json.loads, filter(str.strip, lines))}
