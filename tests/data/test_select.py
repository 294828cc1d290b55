"""An evaluation takes the part of a split it is asked for, and says what does not fit."""

import pytest

from patchseg.data import select_cases, split_cases, write_split
from patchseg.errors import InputError

CASES = [{"name": f"case{i}", "patient": f"p{i}"} for i in range(6)]


def test_parts_of_a_split(tmp_path):
    split = split_cases(CASES, folds=3, fold=1)
    write_split(split, tmp_path / "split.json")
    assert select_cases(CASES, None, "validate") == CASES
    assert select_cases(CASES, tmp_path / "split.json", "validate") == split["validate"]
    assert select_cases(CASES, tmp_path / "split.json", "train") == split["train"]
    with pytest.raises(InputError, match="part 'test'"):
        select_cases(CASES, tmp_path / "split.json", "test")
    with pytest.raises(InputError, match="not in the data set"):
        select_cases(CASES[:1], tmp_path / "split.json", "train")
