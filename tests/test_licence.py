import json
import logging
from pathlib import Path

import pytest
import torch

from patchseg.licence import NON_COMMERCIAL, licence_of, say_licence
from patchseg.weights import load_weights, save_weights

BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
SHIPPED = sorted(BUNDLES.glob("*/models/*.pt"), key=str)


@pytest.fixture(autouse=True)
def not_yet_said():
    say_licence.cache_clear()


@pytest.mark.parametrize("weights", SHIPPED, ids=lambda path: path.parents[1].name)
def test_shipped_weights_carry_one_licence_beside_the_file_and_in_the_metadata(weights, caplog):
    metadata = json.loads((weights.parents[1] / "configs" / "metadata.json").read_text())
    licence = licence_of(weights)
    assert licence and metadata["weights_license"] == licence
    say_licence(weights)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * bool(
        NON_COMMERCIAL.search(licence)
    )


def test_some_shipped_weights_are_free_and_some_are_not():
    assert {licence_of(weights) for weights in SHIPPED} >= {"Apache-2.0", "CC-BY-NC-SA-4.0"}


@pytest.mark.parametrize(
    ("beside", "lines"),
    [
        ("SPDX-License-Identifier: CC-BY-NC-4.0\n\nmodel.pt ...", 1),
        ("SPDX-License-Identifier: Apache-2.0\nmodel.pt", 0),
        ("SPDX-License-Identifier: CC-BY-NC-4.0\n\nother.pt ...", 0),
        (None, 0),
    ],
)
def test_said_once_when_weights_are_loaded(tmp_path, caplog, monkeypatch, beside, lines):
    save_weights(torch.nn.Linear(2, 1), tmp_path / "model.pt")
    if beside:
        (tmp_path / "LICENSE.txt").write_text(beside)
    monkeypatch.chdir(tmp_path)
    for path in ("model.pt", tmp_path / "model.pt"):
        load_weights(torch.nn.Linear(2, 1), path)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == lines
    assert all(f"{tmp_path / 'model.pt'} is under CC-BY-NC-4.0: not for commercial use" in line for line in said)


def test_of_several_processes_one_says_it(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    say_licence(BUNDLES / "crossover_kidney" / "models" / "model.pt")
    assert not caplog.records
