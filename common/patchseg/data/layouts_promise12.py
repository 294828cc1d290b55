"""PROMISE12: numbered MetaImages."""

import re
from pathlib import Path

from patchseg.data.layouts_names import beside_each_other

CASE = re.compile(r"case\d+\.mhd", re.IGNORECASE)


def promise12_cases(folder: Path, labelled: bool) -> list[dict] | None:
    """Records of `Case00.mhd` with `Case00_segmentation.mhd`; None for another layout."""
    folders = _folders(folder)
    if not folders:
        return None
    cases = []
    for part in folders:
        found = beside_each_other(part)
        test_set = not any("label" in case for case in found)
        cases += [] if labelled and test_set else found
    return cases


def _folders(folder: Path) -> list[Path]:
    """The folder itself or those in it that hold `Case00.mhd` and its like."""
    for level in ([folder], sorted(path for path in folder.iterdir() if path.is_dir())):
        found = [path for path in level if any(CASE.fullmatch(file.name) for file in path.iterdir())]
        if found:
            return found
    return []
