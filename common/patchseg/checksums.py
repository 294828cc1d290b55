"""SHA-256 beside files: `model.pt.sha256`, as the command sha256sum writes and checks it."""

import re
from hashlib import sha256
from pathlib import Path

from patchseg.errors import InputError
from patchseg.files import whole_file


def sidecar(path: str | Path) -> Path:
    """Where the SHA-256 of a file is kept.

    >>> sidecar("models/model.pt").name
    'model.pt.sha256'
    """
    path = Path(path)
    return path.with_name(f"{path.name}.sha256")


def checksum_line(content: bytes, name: str) -> str:
    """The sidecar's line for a file of that content and name.

    >>> checksum_line(b"", "model.pt")
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  model.pt\\n'
    """
    return f"{sha256(content).hexdigest()}  {name}\n"


def write_checked(path: str | Path, content: bytes) -> None:
    """Write a file and its sidecar, each whole or not at all.

    The old sidecar goes first: a program killed half-way leaves a file without one, which can be used, and never a
    new file beside an old sidecar, which could not.
    """
    path = Path(path)
    sidecar(path).unlink(missing_ok=True)
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
    with whole_file(sidecar(path)) as temporary:
        temporary.write_text(checksum_line(content, path.name))


def is_written(path: str | Path, content: bytes) -> bool:
    """Whether `write_checked` has written this content there, and its sidecar too."""
    path = Path(path)
    there = {path: content, sidecar(path): checksum_line(content, path.name).encode()}
    return all(file.is_file() and file.read_bytes() == wanted for file, wanted in there.items())


def read_checked(path: str | Path) -> bytes:
    """The content of a file, held against its sidecar if it has one.

    Hash and content come from one reading, so that what was checked is what is used.

    Raises:
        InputError: the sidecar holds no SHA-256, or that of another content.
    """
    path = Path(path)
    content = path.read_bytes()
    beside = sidecar(path)
    if not beside.is_file():
        return content
    stated = re.match(r"[0-9a-fA-F]{64}\b", beside.read_text(errors="replace"))
    if stated is None:
        raise InputError(f"{beside} holds no SHA-256: copy it again, or make it with `sha256sum {path.name}`.")
    found = sha256(content).hexdigest()
    if found != stated[0].lower():
        raise InputError(
            f"{path} is not the file that {beside.name} was written for (SHA-256 {found[:12]}… instead of "
            f"{stated[0][:12]}…): copy it again, with the {beside.name} that belongs to it; delete {beside.name} "
            "only if you made the file yourself."
        )
    return content
