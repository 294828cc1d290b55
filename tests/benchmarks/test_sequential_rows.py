"""The rows of Sequential patches say what the paper's rows are."""

from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import list_data_collate
from monai.transforms import Compose
from rows.sequential import PAPER, ROWS
from steps import REPOSITORY

TRAINED = [row for row in ROWS if not row.weights_of]
TASK = PAPER.tasks["cavity"]


def _config(row: Any) -> ConfigParser:
    config = ConfigParser()
    config.read_config([str(REPOSITORY / path) for path in (*TASK.train, *row.train)])
    config.update(TASK.settings | TASK.train_only | row.settings | row.train_only)
    return config


@pytest.mark.parametrize("row", TRAINED, ids=[row.name for row in TRAINED])
def test_a_training_sample_of_a_row_fits_its_network(row: Any) -> None:
    config = _config(row)
    image, label = torch.rand(1, 96, 96), torch.zeros(1, 96, 96)
    label[0, 40:60, 35:60] = 1
    augment = Compose(config.get_parsed_content("augmentation")).set_random_state(seed=0)
    sample = augment({"image": image, "label": label})
    batch = list_data_collate(sample if isinstance(sample, list) else [sample])
    logits = config.get_parsed_content("network_def")(batch["image"][:2])
    assert logits.shape == batch["label"][:2].shape
    assert set(batch["label"].unique().tolist()) == {0, 1}


def test_rows_differ_in_what_the_paper_says() -> None:
    networks = {row.name: _config(row).get_parsed_content("network_def") for row in TRAINED}
    directions = {
        name: [len(level.directions) for level in net.modules() if hasattr(level, "directions")]
        for name, net in networks.items()
    }
    assert directions["Sequential patches"] == directions["ConvLSTM"] == directions["ConvGRU"] == [2, 2, 2]
    assert directions["One direction"] == [1, 1, 1]
    assert directions["ConvRNN at bottom and middle"] == [2, 2]
    assert directions["ConvRNN at the bottom"] == directions["Seq-FCN"] == [2]
    assert not any(directions[f"Patch-based {kind} on rays"] for kind in ("FCN", "U-Net"))
    skips = {name for name, net in networks.items() if getattr(net, "skips", True)}
    assert networks.keys() - skips == {"Patch-based FCN", "Patch-based FCN on rays", "Seq-FCN"}


def test_rows_of_a_moved_click_take_the_weights_of_the_row_in_the_middle() -> None:
    for row in ROWS:
        if row.weights_of:
            middle = PAPER.row(row.weights_of)
            assert row.evaluate == middle.evaluate and row.settings == middle.settings
            assert str(row.evaluate_only["click_offset"]) in row.name


def test_the_orders_of_the_paper_follow_its_figures() -> None:
    published = {row.name: row.published.get("dsc") for row in ROWS}
    for order in PAPER.orders:
        figures = [published[name] for name in order.best_first]
        assert figures == sorted(figures, reverse=True)
