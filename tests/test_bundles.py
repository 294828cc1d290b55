import sys
from pathlib import Path

import pytest

from patchseg.bundles import bundle_names, bundle_root
from patchseg.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1] / "bundles"


@pytest.fixture
def make(tmp_path):
    def bundle(name):
        root = tmp_path / name
        (root / "configs").mkdir(parents=True)
        (root / "configs" / "metadata.json").write_text("{}")
        (root / "configs" / "train.json").write_text("{}")
        return root

    return bundle


@pytest.fixture(autouse=True)
def plain_start(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.delenv("PATCHSEG_BUNDLES", raising=False)


@pytest.mark.parametrize(
    "form",
    [
        ["--config_file", "{f}"],
        ["--config_file={f}"],
        ["--config-file", "{f}"],
        ["--config_file", "['{f}', '{g}']"],
        ["--config_file", '["{f}","{g}"]'],
        ["--config_file={f},{g}"],
        ["--meta_file", "m.json", "--config_file", "{f}"],
    ],
)
def test_the_config_a_process_was_started_with_wins(make, monkeypatch, form):
    root, other = make("my_copy"), make("elsewhere/crossover_kidney")
    f, g = root / "configs" / "train.json", root / "configs" / "metadata.json"
    monkeypatch.setattr(sys, "argv", ["monai.bundle", "run", *(a.format(f=f, g=g) for a in form)])
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(other.parent))
    assert bundle_root("crossover_kidney") == root


def test_relative_config_file(make, monkeypatch):
    root = make("kidney")
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["monai.bundle", "run", "--config_file", "configs/train.json"])
    assert bundle_root("anything") == root


@pytest.mark.parametrize("file", ["loose/train.json", "kidney/configs/nowhere.json", "bare/configs/train.json"])
def test_configs_outside_a_bundle_do_not_count(make, tmp_path, monkeypatch, file):
    root = make("kidney")
    for loose in ("loose", "bare/configs"):
        (tmp_path / loose).mkdir(parents=True)
        (tmp_path / loose / "train.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["monai.bundle", "run", "--config_file", str(tmp_path / file)])
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(tmp_path))
    assert bundle_root("kidney") == root


def test_environment_then_repository(make, tmp_path, monkeypatch):
    root = make("kidney")
    with pytest.raises(InputError, match="no bundle called kidney"):
        bundle_root("kidney")
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(tmp_path))
    assert bundle_root("kidney") == root and "kidney" in bundle_names()
    with pytest.raises(InputError, match=r"called lung: choose .*kidney"):
        bundle_root("lung")


def test_the_repositorys_own_bundles():
    own = sorted(p.parents[1].name for p in REPOSITORY.glob("*/configs/metadata.json"))
    assert bundle_names() == own
    for name in own:
        assert bundle_root(name) == REPOSITORY / name
