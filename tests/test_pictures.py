import itertools
import json

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation
from PIL import Image

from patchseg.errors import InputError
from patchseg.pictures import (
    ACROSS,
    PREDICTION,
    REFERENCE,
    curves,
    display_slice,
    largest_slice,
    montage,
    overlay,
    panel,
)

ALL_48 = [
    "".join(letters)
    for pairs in itertools.permutations(ACROSS)
    for letters in itertools.product(*pairs)
]  # fmt: skip


def stored(data, axes, spacing=(1.0, 2.0, 3.0)):
    """A volume given in RAS order, (X, Y, Z), as a file of another orientation holds it."""
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    ras = MetaTensor(torch.as_tensor(data, dtype=torch.float32)[None], affine=affine)
    return Orientation(axcodes=axes, labels=ACROSS)(ras)


def colour(text):
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)])


def drawn(picture, text):
    return int((np.abs(picture.astype(int) - colour(text)).sum(-1) < 30).sum())


def test_there_are_48_orientations():
    assert len(set(ALL_48)) == 48


@pytest.mark.parametrize("axes", ALL_48)
def test_display_is_the_same_for_every_stored_orientation(axes):
    data = np.zeros((4, 5, 3))
    data[3, 4, 2] = 1  # most right, most anterior, most superior
    data[0, 4, 2] = 2  # most left
    data[3, 0, 2] = 3  # most posterior
    picture = display_slice(stored(data, axes), 2)
    assert picture.shape == (5, 4)
    assert (picture[0, 0], picture[0, -1], picture[-1, 0]) == (1, 2, 3)
    assert not display_slice(stored(data, axes), 0).any()


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SPR", "ILA"])
def test_panel_brings_the_image_to_the_masks_slice(axes):
    """The image stays on a coarser, otherwise oriented grid; its value is a place in mm, so it can be checked."""
    x, y, z = np.meshgrid(np.arange(12.0), np.arange(10.0), np.arange(8.0), indexing="ij")
    fine = np.zeros((12, 10, 8))
    fine[2:6, 3:7, 4:6] = 1
    fine[2:8, 3:7, 5] = 1
    label, pred = stored(fine, axes), stored(np.roll(fine, 1, 0), axes)
    place = stored((x + 100 * 2 * y + 10000 * 3 * z)[::2, :, ::-1][..., ::-1], "PIR", (2.0, 2.0, 3.0))
    found = panel(place, label, pred, "case 1")
    assert found.image.shape == found.reference.shape == found.prediction.shape == (10, 12)
    assert found.reference.sum() == 24 and found.aspect == 2.0
    rows, columns = np.meshgrid(np.arange(10), np.arange(12), indexing="ij")
    expected = (11 - columns) + 200 * (9 - rows) + 30000 * 5
    inside = (slice(None), slice(1, None))  # the coarse grid ends half a voxel before the last fine column
    assert np.allclose(found.image[inside], expected[inside], atol=0.1)


def test_largest_slice():
    mask = np.zeros((6, 6, 5))
    mask[1, 1, 1] = 1
    mask[1:4, 1:4, 3] = 1
    assert largest_slice(stored(mask, "RAS")) == largest_slice(stored(mask, "LPI")) == 3
    assert largest_slice(stored(np.zeros((6, 6, 5)), "RAS")) == 2


def test_overlay_outlines_both_masks_where_they_are():
    image, mask = np.random.default_rng(0).random((40, 40)), np.zeros((40, 40))
    mask[8:16, 24:32] = 1
    neither = overlay(image)
    assert neither.dtype == np.uint8 and not drawn(neither, REFERENCE) and not drawn(neither, PREDICTION)
    one = overlay(image, reference=mask)
    assert drawn(one, REFERENCE) > 100 and not drawn(one, PREDICTION)
    other = overlay(image, prediction=mask, reference=np.zeros((40, 40)))
    assert drawn(other, PREDICTION) > 100 and not drawn(other, REFERENCE)
    rows, columns = np.nonzero(np.abs(one.astype(int) - colour(REFERENCE)).sum(-1) < 30)
    assert rows.mean() < 200 < columns.mean()  # row 8 to 16 of 40 is above, column 24 to 32 on the right


def test_overlay_of_an_even_image():
    assert overlay(np.full((10, 10), 7.0)).shape == (400, 400, 3)


def test_aspect_follows_the_pixel():
    tall = overlay(np.zeros((20, 20)) + np.eye(20), aspect=2.0)
    filled = np.nonzero((tall < 250).any(-1))
    assert np.ptp(filled[0]) > 1.8 * np.ptp(filled[1])


def test_montage(tmp_path):
    image, mask = np.random.default_rng(0).random((30, 30)), np.zeros((30, 30))
    mask[5:15, 5:15] = 1
    slices, label, pred = (stored(a[..., None], "RAS") for a in (image, mask, np.roll(mask, 4, 0)))
    panels = [panel(slices, label, pred, f"case {n}") for n in range(4)]
    path = montage(panels, tmp_path / "new" / "four.png", columns=2)
    two = montage(panels[:2], tmp_path / "two.png", columns=2)
    four, half = (np.asarray(Image.open(p).convert("RGB")) for p in (path, two))
    assert four.shape[1] == half.shape[1] and four.shape[0] > 1.6 * half.shape[0]
    assert drawn(four, PREDICTION) > 1.5 * drawn(half, PREDICTION)
    assert [p.name for p in path.parent.iterdir()] == ["four.png"]
    with pytest.raises(InputError, match="empty picture"):
        montage([], tmp_path / "none.png")


def test_curves(tmp_path):
    log = tmp_path / "training.jsonl"
    lines = [{"epoch": e, "loss": 1 / e} | ({"val_mean_dice": 1 - 1 / e} if e % 2 else {}) for e in range(1, 9)]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    both = np.asarray(Image.open(curves(log, tmp_path / "curves.png")).convert("RGB"))
    assert drawn(both, PREDICTION) > 50 and drawn(both, REFERENCE) > 50
    log.write_text(json.dumps({"epoch": 1, "loss": None}) + "\n")
    none = np.asarray(Image.open(curves(log, tmp_path / "curves.png")).convert("RGB"))
    assert not drawn(none, PREDICTION) and not drawn(none, REFERENCE)
    with pytest.raises(InputError, match="holds no epoch"):
        curves(tmp_path / "nowhere.jsonl", tmp_path / "curves.png")


def test_every_structure_is_outlined():
    """Two squares, one inside the other: twice as much outline as of the outer one alone, and more."""
    outer = np.zeros((40, 40), np.uint8)
    outer[5:35, 5:35] = 2
    both = outer.copy()
    both[12:28, 12:28] = 1
    lines = [(overlay(np.zeros((40, 40)), mask) == colour(REFERENCE)).all(-1).sum() for mask in (outer, both)]
    assert lines[1] > 1.4 * lines[0] > 0
