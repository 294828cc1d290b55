"""What weights may be used for: said beside the file, in the bundle's metadata and, where it matters, at load."""

import logging
import os
import re
from functools import cache
from pathlib import Path

LOGGER = logging.getLogger(__name__)
LOGGER.setLevel(logging.WARNING)  # also in programs that let libraries speak of errors alone
NON_COMMERCIAL = re.compile(r"-NC\b")


def licence_of(weights: str | Path) -> str | None:
    """The SPDX name of a file's licence, from `LICENSE.txt` beside it; None where that is missing or of others.

    A licence is of the weights whose file it names: `model.pt was trained on ...`.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "LICENSE.txt").write_text("SPDX-License-Identifier: CC-BY-NC-SA-4.0\\nmodel.pt ...")
    >>> licence_of(folder / "model.pt"), licence_of(folder / "mine.pt")
    ('CC-BY-NC-SA-4.0', None)
    """
    weights = Path(weights)
    beside = weights.with_name("LICENSE.txt")
    text = beside.read_text(errors="replace") if beside.is_file() else ""
    named = re.search(r"SPDX-License-Identifier: (\S+)", text)
    return named[1] if named and weights.name in text else None


@cache
def say_licence(weights: Path) -> None:
    """One line in the log, once a process and file, if weights are not for commercial use; of others, nothing."""
    licence = licence_of(weights)
    if (
        licence and NON_COMMERCIAL.search(licence) and os.environ.get("RANK", "0") == "0"
    ):  # torchrun's first process
        LOGGER.warning("%s is under %s: not for commercial use, see LICENSE.txt beside it", weights, licence)
