"""Which patients fine-tuning is tried on."""

import pytest
from few_shot import _folds

from patchseg.data import split_cases
from patchseg.errors import InputError

CASES = [{"name": f"p{patient}_z{level}", "patient": f"p{patient}"} for patient in range(4) for level in range(2)]
EVERYONE = ["p0", "p1", "p2", "p3"]


def _held_out(patients: str) -> set[str]:
    folds = _folds(CASES, EVERYONE, patients)
    return {case["patient"] for fold in folds for case in split_cases(CASES, folds=4, fold=fold)["validate"]}


def test_each_patient_in_turn_or_those_named() -> None:
    assert _held_out("") == set(EVERYONE)
    assert _held_out("p2, p0") == {"p0", "p2"}


def test_a_patient_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError, match="p7: choose from p0, p1"):
        _folds(CASES, EVERYONE, "p0,p7")
