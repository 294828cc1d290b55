import numpy as np
import pytest
import torch
from PIL import Image

from patchseg.errors import InputError
from patchseg.pictures import PREDICTION, REFERENCE
from patchseg.seqpatch.drawing import CLICK, RAY, draw_rays


def disc(radius=22):
    rows, columns = np.mgrid[:120, :130]
    return (rows - 60) ** 2 + (columns - 70) ** 2 <= radius**2


def bright(patches):
    return 8 * patches


def drawn(path, text):
    colour = np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)])
    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return int((np.abs(picture - colour).sum(-1) < 40).sum())


@pytest.mark.parametrize("steps, stride, ray", [(8, 4, 2), (15, 4, 9), (3, 6, 0)])
def test_everything_is_drawn(tmp_path, steps, stride, ray):
    image = disc() * 3.0 + np.random.default_rng(0).normal(0, 0.1, (120, 130))
    path = draw_rays(image, (60, 70), bright, tmp_path / "new" / "rays.png", steps, stride, ray, disc(27))
    assert min(drawn(path, colour) for colour in (RAY, CLICK, PREDICTION, REFERENCE)) > 50
    assert "rays" in Image.open(path).info["Title"]
    assert [p.name for p in path.parent.iterdir()] == ["rays.png"]


def test_a_result_of_its_own(tmp_path):
    image = disc() * 3.0
    plain = draw_rays(image, (60, 70), bright, tmp_path / "plain.png")
    small = draw_rays(image, (60, 70), bright, tmp_path / "small.png", result=disc(8))
    assert 0 < drawn(small, PREDICTION) < 0.7 * drawn(plain, PREDICTION)
    assert not drawn(plain, REFERENCE)


def test_the_network_sees_every_ray_of_the_click(tmp_path):
    seen = []

    def spy(patches):
        seen.append(patches)
        return patches

    draw_rays(disc() * 3.0, (60, 70), spy, tmp_path / "rays.png", steps=5, ray=7)
    assert [tuple(p.shape) for p in seen] == [(16, 5, 32, 32), (1, 5, 32, 32)]
    assert torch.equal(seen[0][7], seen[1][0])


def test_a_click_outside(tmp_path):
    with pytest.raises(InputError, match="outside the slice of 120 x 130"):
        draw_rays(disc() * 1.0, (60, 140), bright, tmp_path / "rays.png")
