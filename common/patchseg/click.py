"""Clicks from the command line, and where to click next."""

from collections.abc import Mapping, Sequence

import numpy as np

from patchseg.errors import InputError
from patchseg.geometry import read_clicks
from patchseg.segment import Segmentation
from patchseg.seqpatch.shapes import interior_point

Clicks = Mapping[str, Sequence[Sequence[int]]]


def clicks_from(flags: Mapping[str, str]) -> dict[str, list[list[int]]]:
    """Foreground and background clicks out of what --at and --not were given.

    Args:
        flags: "--at" and "--not", each the text "i,j,k" or several of them separated by ";".

    Raises:
        InputError: no click inside the object, or one that is not whole numbers.

    >>> clicks_from({"--at": "190,200,9;188,204,4", "--not": ""})
    {'foreground': [[190, 200, 9], [188, 204, 4]], 'background': []}
    """
    inside, outside = (
        [click for text in flags[flag].split(";") if text for click in read_clicks(text)]
        for flag in ("--at", "--not")
    )
    if not inside:
        raise InputError("no click inside the object: give one as --at I,J,K, its voxel counted from 0.")
    return {"foreground": inside, "background": outside}


def report(found: Segmentation, clicks: Clicks) -> str:
    """How sure the result is, and where to click next: the middle of the least sure slice without a click.

    >>> mask = np.zeros((9, 9, 4), np.uint8)
    >>> mask[2:7, 3:8, 1:] = 1
    >>> confidence = {"axis": 2, "values": [0.1, 0.9, 0.8, 0.7]}
    >>> report(Segmentation(mask, np.eye(4), confidence=confidence), {"foreground": [[4, 5, 2]]})
    '0.80 on average, least 0.70 at k = 3; if it is wrong there, add --at 4,5,3'
    """
    if not found.mask.any():
        return "nothing was found at the click; click nearer to the middle of the object"
    axis, values = found.confidence["axis"], np.array(found.confidence["values"])
    others = tuple(a for a in range(3) if a != axis)
    slices = np.flatnonzero(found.mask.any(others))
    average = f"{values[slices].mean():.2f} on average"
    clicked = {click[axis] if axis < len(click) else 0 for click in clicks["foreground"]}
    carried = [index for index in slices if index not in clicked]
    if not carried:
        return average
    least = min(carried, key=lambda index: values[index])
    middle = np.rint(interior_point(found.mask.take(least, axis) != 0)).astype(int)
    voxel = ",".join(map(str, np.insert(middle, axis, least)))
    return (
        f"{average}, least {values[least]:.2f} at {'ijk'[axis]} = {least}; if it is wrong there, add --at {voxel}"
    )
