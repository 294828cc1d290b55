"""Which cases an evaluation takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patchseg.data.splits import read_split
from patchseg.errors import InputError


def outlined(cases: list[dict[str, Any]], structures: Sequence[str]) -> list[dict[str, Any]]:
    """The cases whose labels show all of these structures, where a data set outlines some in some cases only.

    Args:
        cases: records as `find_cases` gives them; those without `outlines` stay.
        structures: names, such as "cavity" and "myocardium".

    Raises:
        InputError: no case is left.

    >>> cases = [{"name": "s1", "outlines": "cavity"}, {"name": "s2", "outlines": "cavity myocardium"}]
    >>> [case["name"] for case in outlined(cases, ["cavity", "myocardium"])]
    ['s2']
    """
    shown = [case for case in cases if "outlines" not in case or set(structures) <= set(case["outlines"].split())]
    if not shown:
        raise InputError(f"none of the {len(cases)} cases outlines {' and '.join(structures)}: leave some out.")
    return shown


def select_cases(cases: list[dict[str, Any]], split_file: str | Path | None, part: str) -> list[dict[str, Any]]:
    """All cases, or those in one part of a split that a training wrote down.

    Args:
        cases: records as `find_cases` gives them.
        split_file: the training's `split.json`; None takes all cases.
        part: "validate" or "train", read only with a split.

    Raises:
        InputError: for another part, or a name in the split that is not among the cases.
    """
    if split_file is None:
        return cases
    split = read_split(split_file)
    if part not in ("train", "validate"):
        raise InputError(f"part {part!r}: take 'validate' or 'train'")
    by_name = {case["name"]: case for case in cases}
    missing = [name for name in split[part] if name not in by_name]
    if missing:
        raise InputError(
            f"{split_file} names {missing[0]}, which is not in the data set: give the --dataset_dir it is for"
        )
    return [by_name[name] for name in split[part]]
