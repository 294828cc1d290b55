"""The paper's search region on a drawn abdomen: back half, known side."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from patchseg.crossover import AnatomicalRegiond, KeepRegiond
from patchseg.crossover.protocol import abdomen_region
from patchseg.errors import InputError


def abdomen(shift=0):
    """(rows, columns, slices): an ellipse from row 20 with a spine at row 85, a table line behind it."""
    rows, cols = np.mgrid[:120, :160]
    body = ((rows - 60) / 40) ** 2 + ((cols - 80 - shift) / 60) ** 2 <= 1
    image = np.where(body, 0.25, 0.0)
    image[(rows - 85) ** 2 + (cols - 84 - shift) ** 2 < 64] = 1.0
    image[110] = 0.9
    return np.stack([image, image], 2).astype(np.float32)


def test_region_is_the_back_half_beside_the_spine():
    image = abdomen()
    both, left, right = (abdomen_region(image, side) for side in ("both", "left", "right"))
    assert not both[:50].any() and both[55:].all()
    assert (left | right == both).all() and not (left & right).any()
    assert right[70, 20].all() and left[70, 140].all()  # columns run from the patient's right to the left
    border = np.flatnonzero(left[70, :, 0])[0]
    assert abs(border - 84) <= 2


def test_side_from_the_label_and_the_mask_kept():
    image = MetaTensor(torch.from_numpy(abdomen(shift=6))[None])
    label = torch.zeros_like(image)
    label[0, 45:60, 40:50] = 1
    data = AnatomicalRegiond("image", side="label")({"image": image, "label": label})
    assert data["region"].dtype == torch.uint8 and data["region"][0, 75, 45].all()
    kept = KeepRegiond("pred")({**data, "pred": torch.ones(1, 120, 160, 2, dtype=torch.uint8)})["pred"]
    assert kept.dtype == torch.uint8 and kept[0, 75, 45].all() and not kept[0, 75, 130].any()


def test_no_label_leaves_both_sides():
    image = MetaTensor(torch.from_numpy(abdomen())[None])
    region = AnatomicalRegiond("image", side="label")({"image": image, "label": torch.zeros_like(image)})["region"]
    assert region[0, 75, 45].all() and region[0, 75, 130].all()


def test_nothing_to_see_restricts_nothing():
    assert abdomen_region(np.zeros((30, 30, 1), np.float32)).all()


def test_an_unknown_side():
    with pytest.raises(InputError, match="side 'up'"):
        AnatomicalRegiond("image", side="up")
