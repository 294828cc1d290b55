"""Split cases into folds by patient, and keep the split in a JSON file."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from patchseg.errors import InputError
from patchseg.files import whole_file


def split_cases(cases: list[dict], folds: int = 5, fold: int = 0, seed: int = 0) -> dict[str, Any]:
    """Split cases into training and validation so that no patient is in both.

    The validation parts of the folds 0..folds-1 do not overlap and together are all cases; their numbers of
    patients differ by at most one, and patients with many images are dealt out so that the numbers of images
    come near each other too. The order of `cases` does not matter.

    Args:
        cases: records with `name` and `patient`, as from `find_cases`.
        folds: number of parts, at least 2.
        fold: which part is the validation part, 0..folds-1.
        seed: another seed deals the patients out differently.

    Returns:
        `train` and `validate` (records, sorted by name), and `folds`, `fold`, `seed` as given.

    Raises:
        InputError: folds below 2, no such fold, fewer patients than folds, or what is no number.

    >>> cases = [{"name": f"scan{i}", "patient": f"p{i // 2}"} for i in range(6)]
    >>> split = split_cases(cases, folds=3)
    >>> len(split["train"]), len({case["patient"] for case in split["validate"]})
    (4, 1)
    """
    for name, value in (("folds", folds), ("fold", fold), ("seed", seed)):
        if not isinstance(value, int) or (name == "seed" and value < 0):
            raise InputError(f"{name} is {value!r}; give a whole number.")
    if folds < 2:
        raise InputError(f"folds is {folds}; give 2 or more, so that something is left to train on.")
    if not 0 <= fold < folds:
        raise InputError(f"fold is {fold}; with {folds} folds give 0 to {folds - 1}.")
    images_of = Counter(case["patient"] for case in cases)
    if len(images_of) < folds:
        raise InputError(f"there are {len(images_of)} patients for {folds} folds; lower folds or add patients.")
    fold_of = _deal(images_of, folds, np.random.default_rng(seed))
    ordered = sorted(cases, key=lambda case: case["name"])
    return {
        "train": [case for case in ordered if fold_of[case["patient"]] != fold],
        "validate": [case for case in ordered if fold_of[case["patient"]] == fold],
        "folds": folds,
        "fold": fold,
        "seed": seed,
    }


def _deal(images_of: Counter, folds: int, rng: np.random.Generator) -> dict[str, int]:
    """Fold of each patient: most images first, each to the fold with the fewest images that has room left."""
    names = sorted(images_of)
    patients = [names[i] for i in rng.permutation(len(names))]
    patients.sort(key=lambda patient: -images_of[patient])
    order = rng.permutation(folds).tolist()  # without it the largest patient is in fold 0 for every seed
    images, members = Counter(), Counter()
    fold_of = {}
    for i, patient in enumerate(patients):
        # the last few patients, one each, are those that do not divide evenly
        room = len(patients) // folds + (i >= len(patients) - len(patients) % folds)
        k = min((k for k in order if members[k] < room), key=images.__getitem__)
        fold_of[patient] = k
        members[k] += 1
        images[k] += images_of[patient]
    return fold_of


def write_split(split: dict[str, Any], path: str | Path) -> None:
    """Write a split as JSON: `folds`, `fold`, `seed`, names in `train` and `validate`, and their `patients`.

    The file appears whole or not at all; folders that are missing are made.

    Args:
        split: what `split_cases` gave.
        path: the JSON file, replaced if it exists.

    Raises:
        InputError: it cannot be written there.
    """
    content = {key: split[key] for key in ("folds", "fold", "seed")}
    content |= {part: [case["name"] for case in split[part]] for part in ("train", "validate")}
    content["patients"] = {
        part: sorted({case["patient"] for case in split[part]}) for part in ("train", "validate")
    }
    text = json.dumps(content, indent=2) + "\n"
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): choose another folder.") from error


def read_split(path: str | Path) -> dict[str, Any]:
    """Read what `write_split` wrote.

    Returns:
        `folds`, `fold`, `seed`, `train` and `validate` (lists of names), `patients` (lists of ids per part).

    Raises:
        InputError: the file is missing, is not such a file, or has a patient in both parts.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        both = set(content["train"]) & set(content["validate"])
        both |= set(content["patients"]["train"]) & set(content["patients"]["validate"])
        complete = all(isinstance(content[key], int) for key in ("folds", "fold", "seed"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; write it with write_split first.") from None
    except (ValueError, KeyError, TypeError):
        complete, both = False, set()
    if not complete:
        raise InputError(f"{path} is not a split; write it with write_split.")
    if both:
        raise InputError(
            f"{path} has {', '.join(sorted(both)[:3])} in train and in validate; keep each in one part."
        )
    return content
