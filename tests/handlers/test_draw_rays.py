import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.engines import SupervisedEvaluator

from patchseg.handlers import DrawRays

sys.path.insert(0, str(Path(__file__).parent))


class Bright(torch.nn.Module):
    def forward(self, patches):
        return 6 * patches


def case(click=(30, 34, 1)):
    image = torch.zeros(3, 70, 72, 3)
    image[0, 20:40, 24:44, 1] = 1
    if click:
        image[(1, *click)] = 1
    return {"image": image, "label": image[:1], "grid_label": image[:1]}


@pytest.fixture
def drawn(monkeypatch):
    import patchseg.handlers.draw_rays as module

    calls = []
    monkeypatch.setattr(module, "draw_rays", lambda **given: calls.append(given))
    return calls


def evaluate(items, handler):
    loader = torch.utils.data.DataLoader(items, batch_size=1)
    network = Bright()
    SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=loader,
        network=network,
        inferer=lambda inputs, net: inputs[:, :2] * 0.8,
        val_handlers=[handler],
    ).run()


def test_the_first_case_with_a_click(tmp_path, drawn):
    evaluate([case(None), case(), case((25, 30, 1))], DrawRays(tmp_path / "rays.png", steps=12, stride=6))
    (given,) = drawn
    assert given["click"] == (30, 34) and given["steps"] == 12 and given["stride"] == 6
    square = np.zeros((70, 72), bool)
    square[20:40, 24:44] = True
    assert np.array_equal(given["image"], square)
    assert np.array_equal(given["result"], square) and np.array_equal(given["reference"], square)
    patches = torch.ones(1, 2, 32, 32)
    assert torch.equal(given["network"](patches), 6 * patches)


def test_the_picture(tmp_path):
    path = tmp_path / "pictures" / "rays.png"
    evaluate([case()], DrawRays(path, label_key=None))
    assert path.stat().st_size > 10_000


def test_nothing_without_a_click(tmp_path, drawn):
    evaluate([case(None)], DrawRays(tmp_path / "rays.png"))
    assert not drawn
