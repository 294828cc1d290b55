import json
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchseg.data.layouts import find_cases
from patchseg.data.splits import read_split, split_cases, write_split
from patchseg.errors import InputError


def cases_of(images_per_patient: list[int]) -> list[dict]:
    return [
        {"name": f"p{p}_z{z}", "patient": f"p{p}", "image": f"p{p}_z{z}.png"}
        for p, count in enumerate(images_per_patient)
        for z in range(count)
    ]


sets_and_folds = st.lists(st.integers(1, 25), min_size=2, max_size=40).flatmap(
    lambda counts: st.tuples(st.just(counts), st.integers(2, min(8, len(counts))))
)


def patients(cases: list[dict]) -> set[str]:
    return {case["patient"] for case in cases}


@settings(deadline=None, max_examples=60)
@given(sets_and_folds, st.integers(0, 2**32 - 1))
def test_folds_cover_everything_once(drawn, seed):
    counts, folds = drawn
    cases = cases_of(counts)
    splits = [split_cases(cases, folds, fold, seed) for fold in range(folds)]
    validated = [case["name"] for split in splits for case in split["validate"]]
    assert sorted(validated) == sorted(case["name"] for case in cases)
    for split in splits:
        assert not patients(split["train"]) & patients(split["validate"])
        assert len(split["train"]) + len(split["validate"]) == len(cases)
        assert split["train"] and split["validate"]
    sizes = [len(patients(split["validate"])) for split in splits]
    assert max(sizes) - min(sizes) <= 1


@settings(deadline=None, max_examples=40)
@given(sets_and_folds, st.integers(0, 1000), st.randoms(use_true_random=False))
def test_order_of_cases_does_not_matter(drawn, seed, shuffler: random.Random):
    counts, folds = drawn
    cases = cases_of(counts)
    shuffled = cases.copy()
    shuffler.shuffle(shuffled)
    assert split_cases(cases, folds, 0, seed) == split_cases(shuffled, folds, 0, seed)


def test_images_are_balanced_around_a_large_patient():
    cases = cases_of([20] + [2] * 29)  # 78 images; the large patient's fold cannot have fewer than 30
    sizes = sorted(len(split_cases(cases, 5, fold)["validate"]) for fold in range(5))
    assert sizes == [12, 12, 12, 12, 30]
    uneven = cases_of([8, 8, 8, 1, 1, 1, 1, 1, 1])
    assert {len(split_cases(uneven, 3, fold)["validate"]) for fold in range(3)} == {10}


def test_seed_decides():
    cases = cases_of([20] + [1] * 29)
    folds_of_p0 = {
        fold
        for seed in range(30)
        for fold in range(5)
        if "p0" in patients(split_cases(cases, 5, fold, seed)["validate"])
    }
    assert folds_of_p0 == set(range(5))
    assert split_cases(cases, seed=1) == split_cases(cases, seed=1) != split_cases(cases, seed=2)


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (1, 0, "folds is 1"),
        (3, 3, "fold is 3; with 3 folds give 0 to 2"),
        (3, -1, "fold is -1"),
        (5, 0, "4 patients"),
    ],
)
def test_impossible_splits(folds, fold, message):
    with pytest.raises(InputError, match=message):
        split_cases(cases_of([2, 2, 2, 2]), folds, fold)


def test_written_split_is_read_back(tmp_path):
    split = split_cases(cases_of([3, 1, 2]), folds=3, fold=1, seed=7)
    path = tmp_path / "new" / "split.json"
    write_split(split, path)
    content = read_split(path)
    assert (content["folds"], content["fold"], content["seed"]) == (3, 1, 7)
    assert content["train"] == [case["name"] for case in split["train"]]
    assert content["patients"]["validate"] == sorted(patients(split["validate"]))
    write_split(split_cases(cases_of([3, 1, 2]), folds=3, fold=2, seed=7), path)
    assert read_split(path)["fold"] == 2
    assert [file.name for file in path.parent.iterdir()] == ["split.json"]


def test_failed_write_leaves_the_old_split(tmp_path):
    path = tmp_path / "split.json"
    split = split_cases(cases_of([1, 1]), folds=2)
    write_split(split, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_split(split | {"seed": object()}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["split.json"]


def test_read_split_refuses(tmp_path):
    path = tmp_path / "split.json"
    with pytest.raises(InputError, match="does not exist"):
        read_split(path)
    write_split(split_cases(cases_of([1, 1]), folds=2), path)
    good = json.loads(path.read_text())
    for wrong in ("{", "[]", json.dumps(good | {"fold": None}), json.dumps({"train": [], "validate": []})):
        path.write_text(wrong)
        with pytest.raises(InputError, match="is not a split"):
            read_split(path)
    good["patients"]["train"] = good["patients"]["validate"]
    path.write_text(json.dumps(good))
    with pytest.raises(InputError, match="in train and in validate"):
        read_split(path)


def test_real_kits_slices(real_data):
    cases = find_cases(real_data / "kits19_slices")
    splits = [split_cases(cases, fold=fold) for fold in range(5)]
    assert [len(patients(split["validate"])) for split in splits] == [6] * 5
    sizes = Counter(len(split["validate"]) for split in splits)
    assert sorted(sizes.elements()) == [11, 11, 12, 13, 25]  # patient 135 has 20 slices
