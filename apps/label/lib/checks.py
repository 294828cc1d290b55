"""What a request may name, checked before anything is opened: paths, names, devices, file endings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monailabel.utils.others.generic import name_to_device

from patchseg.errors import InputError

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")


def open_to_requests(image: str, folders: Sequence[Path]) -> str:
    """The absolute path of an image that a request names, if it lies in one of the folders.

    Args:
        image: a path; a relative one counts from the first folder.
        folders: where requests may read. Links are followed first.

    Raises:
        InputError: nothing is there, or it lies elsewhere. Both read alike, so that nobody learns what exists.
    """
    path = (folders[0] / image).resolve()
    if path.exists() and any(path.is_relative_to(folder.resolve()) for folder in folders):
        return str(path)
    raise InputError(
        f'there is no image "{image}" in the studies folder: give the id of an image listed by '
        "/datastore/?output=all, or the name of a folder with a DICOM series."
    )


def plain_name(name: Any, what: str) -> str:
    """A name that stays one name when it becomes a file's: no separator, not hidden, not empty.

    Raises:
        InputError: anything else.

    >>> plain_name("patient 7", "image")
    'patient 7'
    >>> plain_name("../model", "label_tag")
    Traceback (most recent call last):
    patchseg.errors.InputError: label_tag "../model" is no plain name: use letters, digits, blanks, - _ and dots.
    """
    if isinstance(name, str) and re.fullmatch(r"\w[\w .+@=-]*", name):
        return name
    raise InputError(f'{what} "{name}" is no plain name: use letters, digits, blanks, - _ and dots.')


def checked_device(given: Any) -> str:
    """The device of a request: "cpu", "cuda", "cuda:1", or a name that /info lists; None takes the best there is.

    Without a GPU, "cuda" becomes "cpu" as Label does it. Nothing else passes: Label writes the text into the
    bundle's config, where a dollar sign would make it code.

    Raises:
        InputError: another text.
    """
    device = name_to_device(given[0] if isinstance(given, list) and given else given)
    if re.fullmatch(r"cpu|mps|cuda(:\d+)?", device):
        return device
    raise InputError(f'there is no device "{given}": give cpu, cuda or cuda:0.')


def number(request: Mapping[str, Any], key: str, default: float, least: float, most: float) -> float:
    """A number of a request within its limits.

    Raises:
        InputError: not a number, or outside.
    """
    value = request.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError(f"{key} is {value!r}; give a number from {least} to {most}.")
    return value


def checked_ending(given: Any, image: Any) -> str:
    """The ending of the mask to write: what the request asks for, else the image's own, else .nii.gz.

    Raises:
        InputError: an ending that is none of ENDINGS.
    """
    if given:
        if given in ENDINGS:
            return str(given)
        raise InputError(f'result_extension "{given}" is unknown: give one of {", ".join(ENDINGS)}.')
    return next((end for end in ENDINGS if isinstance(image, str) and image.lower().endswith(end)), ENDINGS[0])
