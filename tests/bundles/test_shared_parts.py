"""MONAI Label reads one config alone, so the three repeat themselves: what they repeat has to stay the same."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from program import CONFIGS

TRAIN, EVALUATE, INFERENCE = (
    json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "evaluate", "inference")
)


def on_image(transforms: list[dict]) -> list[dict]:
    """The transforms as they act on the image: those for labels alone left out, one key, its own mode."""
    kept = []
    for transform in transforms:
        keys = transform["keys"] if isinstance(transform["keys"], list) else [transform["keys"]]
        if "image" not in keys:
            continue
        alone = dict(transform, keys="image")
        if isinstance(transform.get("mode"), list):
            alone["mode"] = transform["mode"][keys.index("image")]
        kept.append(alone)
    return kept


@pytest.mark.parametrize("key", ["bundle_root", "dataset_dir", "device", "window", "spacing", "patch"])
def test_settings_of_all_three(key):
    assert TRAIN[key] == EVALUATE[key] == INFERENCE[key]


@pytest.mark.parametrize("key", ["label_values", "tumour_label", "loading"])
def test_settings_of_training_and_evaluation(key):
    assert TRAIN[key] == EVALUATE[key]


@pytest.mark.parametrize("key", ["network_def", "network", "checkpoint", "inferer"])
def test_settings_of_evaluation_and_inference(key):
    assert EVALUATE[key] == INFERENCE[key]


def test_network_of_training_differs_by_dropout_alone():
    assert TRAIN["network_def"] == INFERENCE["network_def"] | {"dropout": "@dropout"}


@pytest.mark.parametrize("part", ["loading", "to_grid"])
def test_images_are_treated_alike(part):
    expected = on_image(INFERENCE[part])
    assert len(expected) == len(INFERENCE[part])
    assert on_image(EVALUATE[part]) == expected
    assert on_image(TRAIN[part]) == expected


def test_masks_are_made_alike():
    def steps(config: dict) -> list[dict]:
        own = ("Invertd", "SaveImaged", "patchseg.crossover.KeepRegiond")
        transforms = config["postprocessing"]["transforms"]
        return [step for step in transforms if step["_target_"] not in own]

    assert steps(EVALUATE) == steps(INFERENCE)
    order = [step["_target_"] for step in INFERENCE["postprocessing"]["transforms"]]
    assert order.index("Invertd") == len(steps(INFERENCE)), "thresholded first, brought back last"


def test_every_config_starts_and_ends_alike():
    assert EVALUATE["initialize"] == INFERENCE["initialize"]
    assert [step for step in TRAIN["initialize"] if "seed" not in step] == INFERENCE["initialize"]
    assert TRAIN["finalize"] == EVALUATE["finalize"] == INFERENCE["finalize"]
    assert TRAIN["run"] == TRAIN["training"]
    assert EVALUATE["run"] == EVALUATE["evaluating"]
