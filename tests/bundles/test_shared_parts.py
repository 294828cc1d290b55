"""MONAI Label reads one config alone, so the three repeat themselves: what they repeat has to stay the same."""

import json

import pytest

from patchseg.bundles import bundle_names, bundle_root

# of the network, its grid and its images
EVERYWHERE = {
    "bundle_root",
    "dataset_dir",
    "device",
    "precision",
    "spacing",
    "window",
    "patch",
    "channel",
    "frame",
    "structures",
    "variant",
    "crop",
    "steps",
    "stride",
    "recurrence",
    "cell",
    "bidirectional",
}
LABELLED = {"label_values", "labels", "loading", "tumour_label", "mass_label", "organ_labels"}
WEIGHED = {"network_def", "trained", "network", "checkpoint", "inferer", "runtime"}


@pytest.fixture(params=bundle_names())
def configs(request) -> list[dict]:
    """train.json, evaluate.json and inference.json of a bundle."""
    folder = bundle_root(request.param) / "configs"
    return [json.loads((folder / f"{name}.json").read_text()) for name in ("train", "evaluate", "inference")]


def on_image(transforms: list[dict]) -> list[dict]:
    """The transforms as they act on the image: those for labels alone left out, one key, its own mode."""
    kept = []
    for transform in transforms:
        keys = transform["keys"] if isinstance(transform["keys"], list) else [transform["keys"]]
        if "image" not in keys:
            continue
        alone = {key: value for key, value in transform.items() if key != "label_key"} | {"keys": "image"}
        if isinstance(transform.get("mode"), list):
            alone["mode"] = transform["mode"][keys.index("image")]
        kept.append(alone)
    return kept


def masks(postprocessing: dict) -> list[dict]:
    """The steps that make a mask, without those that bring it back and write it."""
    own = ("Invertd", "SaveImaged", "patchseg.crossover.KeepRegiond")
    return [step for step in postprocessing["transforms"] if step["_target_"] not in own]


def test_settings(configs):
    train, evaluate, inference = configs
    assert [key for key in EVERYWHERE & train.keys() if not train[key] == evaluate[key] == inference[key]] == []
    part = LABELLED if "steps" not in train else LABELLED - {"loading"}
    assert [key for key in part & train.keys() if train[key] != evaluate[key]] == []
    assert [key for key in WEIGHED if evaluate[key] != inference[key]] == []
    assert "spacing" in train and LABELLED & train.keys() > {"label_values", "loading"}


def test_network_of_training_differs_by_dropout_alone(configs):
    train, _, inference = configs
    dropout = {"dropout": "@dropout"} if "dropout" in train else {}
    assert train["network_def"] == inference["network_def"] | dropout


@pytest.mark.parametrize("part", ["loading", "to_grid"])
def test_images_are_treated_alike(configs, part):
    train, evaluate, inference = configs
    expected = on_image(inference[part])
    assert len(expected) == len(inference[part])
    assert on_image(evaluate[part]) == expected
    assert on_image(train[part]) == expected


def test_masks_are_made_alike(configs):
    _, evaluate, inference = configs
    assert masks(evaluate["postprocessing"]) == masks(inference["postprocessing"])
    order = [step["_target_"] for step in inference["postprocessing"]["transforms"]]
    assert order.index("Invertd") == len(masks(inference["postprocessing"])), "made first, brought back last"


def test_validation_of_clicks_judges_as_evaluation_does(configs):
    train, evaluate, _ = configs
    if "steps" in train:
        assert train["validate"]["inferer"] == evaluate["inferer"]
        assert masks(train["validate"]["postprocessing"]) == masks(evaluate["postprocessing"])


def test_training_tracks_its_settings(configs):
    """What a user may set of network, grid and images is written into the run that it made."""
    train = configs[0]
    settings = next(h for h in train["train"]["handlers"] if h["_target_"].endswith("TrackSettings"))["settings"]
    of_the_data = {"bundle_root", "device", "channel", "frame"}
    assert (EVERYWHERE & train.keys()) - of_the_data <= set(settings)
    assert all(value == f"@{key}" for key, value in settings.items())


def test_every_config_starts_and_ends_alike(configs):
    train, evaluate, inference = configs
    assert evaluate["initialize"] == inference["initialize"]
    assert [step for step in train["initialize"] if "seed" not in step] == inference["initialize"]
    assert train["finalize"] == evaluate["finalize"] == inference["finalize"]
    assert train["run"] == train["training"]
    assert evaluate["run"] == evaluate["evaluating"]
    assert inference["run"] == inference["inference"]
