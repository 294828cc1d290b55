"""The bundles' configs are what configs/write.py makes of its sources, and nothing else."""

import json
from pathlib import Path

import pytest
import write

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLES = sorted(path.parents[1].name for path in (REPOSITORY / "bundles").glob("*/configs/metadata.json"))


def test_every_bundle_has_a_source():
    assert write.names() == BUNDLES


@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.parametrize("config", write.CONFIGS)
def test_generated_and_committed_are_the_same(bundle, config):
    committed = (REPOSITORY / "bundles" / bundle / "configs" / f"{config}.json").read_text()
    assert write.generated(bundle, config) == committed, "run: python configs/write.py"


@pytest.mark.parametrize("bundle", BUNDLES)
def test_logging_is_the_same(bundle):
    committed = (REPOSITORY / "bundles" / bundle / "configs" / "logging.conf").read_bytes()
    assert committed == (REPOSITORY / "configs" / "logging.conf").read_bytes()


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A family and a bundle of it; gives what is made of them."""
    monkeypatch.setattr(write, "HERE", tmp_path)
    family = {"name": "<bundle>", "seed": 0, "own": None, "steps": ["%shared.json::first", None, {"b": [1, None]}]}
    (tmp_path / "family.train.json").write_text(json.dumps(family))
    (tmp_path / "shared.json").write_text(json.dumps({"first": {"a": 1}}))

    def made(**sections):
        (tmp_path / "family_one.json").write_text(json.dumps(sections))
        return json.loads(write.generated("family_one", "train"))

    return made


def test_what_a_bundle_adds(sources):
    assert sources() == {"name": "family_one", "seed": 0, "steps": [{"a": 1}, {"b": [1]}]}
    made = sources(
        **{
            "train evaluate": {"size": 4, "steps#1": {"c": 3}, "+steps#0": {"d": 4}},
            "train": {"seed": 7, "more": [], "steps#2#b": 5},
            "evaluate": {"seed": 9},
        }
    )
    assert list(made) == ["name", "seed", "size", "more", "steps"]
    assert made["seed"] == 7 and made["steps"] == [{"a": 1, "d": 4}, {"c": 3}, {"b": 5}]


def test_a_bundle_like_another(sources, tmp_path):
    other = {"train": {"size": 4, "seed": 7, "+steps#0": {"d": 4}}, "evaluate": {"seed": 8}}
    (tmp_path / "family_two.json").write_text(json.dumps(other))
    assert sources(like="family_two") == {
        "name": "family_one",
        "seed": 7,
        "size": 4,
        "steps": [{"a": 1, "d": 4}, {"b": [1]}],
    }
    assert sources(like="family_two", train={"size": 5})["size"] == 5


def test_a_place_that_is_not_there(sources):
    with pytest.raises((KeyError, IndexError)):
        sources(train={"steps#7#b": 5})
