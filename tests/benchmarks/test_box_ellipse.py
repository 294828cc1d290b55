"""What a box alone is worth."""

import json

import numpy as np
import pytest
from box_ellipse import ellipse_in_box, main
from table_reproduce import ellipse

from patchseg.seqpatch.shapes import dice


@pytest.mark.parametrize(("rows", "cols"), [(20, 20), (10, 30)])
def test_an_ellipse_is_found_from_its_box_and_half_of_one_is_not(rows, cols):
    row, col = np.ogrid[:60, :80]
    whole = ((row - 25) / rows) ** 2 + ((col - 40) / cols) ** 2 <= 1
    assert dice(ellipse_in_box(whole), whole) > 0.96
    half = whole & (np.arange(80) < 40)
    assert dice(ellipse_in_box(half), half) < 0.9


def test_held_out_images_are_a_third_others_for_each_seed(slice_set, tmp_path):
    (tmp_path / "breast_ultrasound").symlink_to(slice_set)
    main(str(tmp_path), str(tmp_path / "found.json"))
    found = json.loads((tmp_path / "found.json").read_text())
    assert {seed: one["images"] for seed, one in found["held_out"].items()} == {"0": 2, "1": 2, "2": 2}
    assert found["all"]["images"] == 6
    assert found["all"]["dsc"] > 0.94  # discs of nine pixels radius
    assert f"on all {found['all']['images']}" in ellipse(found)
