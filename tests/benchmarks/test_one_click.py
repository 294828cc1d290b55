"""Slice sets of single objects, and what one click gives on them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from one_click import main, measure
from organs import Object, write_set
from table_clicks import one_click

from patchseg.data import find_cases
from patchseg.errors import InputError
from patchseg.rivals import ClickUNet
from patchseg.seqpatch import ClickInferer, SeqPatchNet


def _objects(count: int = 3) -> list[Object]:
    found = []
    for number in range(count):
        row, column = np.ogrid[:90, :110]
        mask = (row - 45) ** 2 + (column - 50 - number) ** 2 <= 15**2
        found.append(Object(f"p{number % 2}", f"slice{number}", 700.0 * mask + 100, mask))
    return found


@pytest.fixture
def organs(tmp_path: Path) -> Path:
    write_set(tmp_path / "organs" / "left_atrium", _objects())
    return tmp_path / "organs"


def test_a_set_is_read_back_with_its_patients(organs: Path) -> None:
    cases = find_cases(organs / "left_atrium")
    assert [(case["name"], case["patient"]) for case in cases] == [
        ("slice0", "p0"),
        ("slice1", "p1"),
        ("slice2", "p0"),
    ]


def test_objects_of_few_pixels_are_left_out(tmp_path: Path) -> None:
    small = np.zeros((40, 40), bool)
    small[:9, :9] = True
    write_set(tmp_path, [Object("p", "small", small * 1.0, small), *_objects(1)])
    assert [case["name"] for case in find_cases(tmp_path)] == ["slice0"]


def test_a_network_that_sees_the_object_scores_one(organs: Path) -> None:
    cases = find_cases(organs / "left_atrium")
    found = measure(cases, lambda patches: 20 * patches, ClickInferer(), (0, 5), "bright")
    assert found["slices"] == 3 and found["patients"] == 2
    for offset in ("0", "5"):
        assert found["dsc"][offset]["mean"] == pytest.approx(1, abs=0.01)
        assert len(found["cases_dsc"][offset]) == 3


def test_both_methods_into_one_file_and_a_table(organs: Path, tmp_path: Path) -> None:
    torch.save(SeqPatchNet().state_dict(), tmp_path / "ours.pt")
    torch.save(ClickUNet().state_dict(), tmp_path / "unet.pt")
    results = tmp_path / "results.json"
    weights = {"ours": str(tmp_path / "ours.pt"), "U-Net": str(tmp_path / "unet.pt")}
    main(weights, str(organs), "left_atrium", offsets=(0, 4), slices=1, results=str(results))
    content = json.loads(results.read_text())
    assert list(content["methods"]) == ["ours", "U-Net"]
    assert results.with_suffix(".png").is_file()
    table = one_click(content)
    assert table.count("\n") == 3 and "click 4 px off" in table and "U-Net" in table


@pytest.mark.parametrize("checkpoints", [{}, {"ours": "nowhere.pt"}])
def test_missing_weights_are_named(checkpoints: dict[str, str], organs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        main(checkpoints, str(organs), "left_atrium", results=str(tmp_path / "r.json"))
    assert not (tmp_path / "r.json").exists()
