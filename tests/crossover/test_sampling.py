"""Dense at the boundary, uniform inside, ever sparser outside."""

import numpy as np
import pytest
import torch

from patchseg.crossover import SamplePixelsd, pixel_weights


def disc(radius=20, size=120):
    rows, cols = np.mgrid[:size, :size] - size // 2
    return (np.hypot(rows, cols) <= radius).astype(np.uint8)


def test_weights_by_distance():
    weights = pixel_weights(disc(), band=4, inside=0.25, falloff=1, far=0.05)
    row = weights[60]
    assert (row[60 + 17 : 60 + 25] == 1).all()
    assert (row[60 - 15 : 60 + 16] == 0.25).all()
    outside = row[60 + 25 :]
    assert (np.diff(outside) < 0).all() and outside[-1] > 0
    np.testing.assert_allclose(row[60 + 40], 4 / 20)
    assert pixel_weights(disc(), band=4, far=0.3)[60].min() == np.float32(0.3)


def test_empty_and_full_slices():
    assert (pixel_weights(np.zeros((5, 6)), far=0.02) == np.float32(0.02)).all()
    assert (pixel_weights(np.ones((5, 6))) == 1).all()


def test_transform_keeps_the_label_and_draws_what_the_weights_say():
    label = torch.from_numpy(disc())[None]
    expected = SamplePixelsd("label")({"label": label})["label"]
    assert expected.shape == (2, 120, 120)
    torch.testing.assert_close(expected[0], label[0].float())
    draw = SamplePixelsd("label", draw=True)
    draw.set_random_state(seed=0)
    drawn = torch.stack([draw({"label": label})["label"][1] for _ in range(400)])
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert (drawn.mean(0) - expected[1]).abs().max() < 0.12
    draw.set_random_state(seed=0)
    torch.testing.assert_close(draw({"label": label})["label"][1], drawn[0])


def test_a_volume_is_refused():
    with pytest.raises(ValueError, match="2D"):
        SamplePixelsd("label")({"label": torch.zeros(1, 4, 4, 4)})
