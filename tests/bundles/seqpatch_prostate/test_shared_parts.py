"""MONAI Label reads one config alone, so the three repeat themselves: what they repeat has to stay the same."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from click_program import CONFIGS

TRAIN, EVALUATE, INFERENCE = (
    json.loads((CONFIGS / f"{name}.json").read_text()) for name in ("train", "evaluate", "inference")
)
SETTINGS = ["channel", "spacing", "steps", "stride", "recurrence", "cell", "bidirectional", "precision"]


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


def masks(postprocessing: dict) -> list[dict]:
    """The steps that make a mask, without those that bring it back and write it."""
    own = ("Invertd", "SaveImaged")
    return [step for step in postprocessing["transforms"] if step["_target_"] not in own]


@pytest.mark.parametrize("key", ["bundle_root", "dataset_dir", "device", "network_def", *SETTINGS])
def test_settings_of_all_three(key):
    assert TRAIN[key] == EVALUATE[key] == INFERENCE[key]


@pytest.mark.parametrize("key", ["label_values", "organ_labels", "loading"])
def test_settings_of_training_and_evaluation(key):
    assert TRAIN[key] == EVALUATE[key]


@pytest.mark.parametrize("key", ["trained", "network", "checkpoint", "inferer"])
def test_settings_of_evaluation_and_inference(key):
    assert EVALUATE[key] == INFERENCE[key]


@pytest.mark.parametrize("part", ["loading", "to_grid"])
def test_images_are_treated_alike(part):
    expected = on_image(INFERENCE[part])
    assert len(expected) == len(INFERENCE[part])
    assert on_image(EVALUATE[part]) == expected
    assert on_image(TRAIN[part]) == expected


def test_validation_judges_as_evaluation_does():
    assert TRAIN["validate"]["inferer"] == EVALUATE["inferer"]
    assert masks(TRAIN["validate"]["postprocessing"]) == masks(EVALUATE["postprocessing"])


def test_masks_are_made_alike():
    assert masks(EVALUATE["postprocessing"]) == masks(INFERENCE["postprocessing"])
    order = [step["_target_"] for step in INFERENCE["postprocessing"]["transforms"]]
    assert order.index("Invertd") == len(masks(INFERENCE["postprocessing"])), (
        "thresholded first, brought back last"
    )


def test_training_tracks_its_settings():
    """What a user may set, apart from where and how long, is written into the run that it made."""
    settings = next(h for h in TRAIN["train"]["handlers"] if h["_target_"].endswith("TrackSettings"))["settings"]
    assert {"label_values", "channel"}.isdisjoint(settings)  # of the data
    assert {"rays", "click_error", "radius", *SETTINGS} - {"channel"} <= set(settings)
    assert all(value == f"@{key}" for key, value in settings.items())


def test_every_config_starts_and_ends_alike():
    assert EVALUATE["initialize"] == INFERENCE["initialize"]
    assert [step for step in TRAIN["initialize"] if "seed" not in step] == INFERENCE["initialize"]
    assert TRAIN["finalize"] == EVALUATE["finalize"] == INFERENCE["finalize"]
    assert TRAIN["run"] == TRAIN["training"]
    assert EVALUATE["run"] == EVALUATE["evaluating"]
    assert INFERENCE["run"] == INFERENCE["inference"]
