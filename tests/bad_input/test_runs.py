"""Every bad run of the bundles: its sentence, exit code 2, no traceback, not a byte written or changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from bad_runs import BadRun, entries
from good_place import run, snapshot
from tiny import write_tree

ENTRIES = entries()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_tree(tmp_path_factory.mktemp("runs") / "data")


@pytest.fixture
def quiet(monkeypatch):
    """What a run changes in this process is put back."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    state = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    yield
    torch.set_flush_denormal(False)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = state


def prepared(entry: BadRun, data: Path, folder: Path) -> Path:
    own = Path(shutil.copytree(data, folder / "data"))
    (folder / "notes.pt").write_text("notes\n")
    if entry.spoil:
        entry.spoil(own)
    return own


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_bad_run(tmp_path, data, quiet, capsys, monkeypatch, entry: BadRun):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    own = prepared(entry, data, tmp_path)
    before = snapshot(tmp_path)
    ended = run("monai.bundle", entry.arguments(tmp_path, own), capsys)
    assert ended.code == 2 and entry.said in ended.said, ended.said
    assert "\n" not in ended.said and len(ended.said) < 1000
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["train mistyped", "data moved_label"])
def test_as_programs(tmp_path, data, name):
    """The same in a process of its own, where the hook of the bundles has the last word."""
    entry = next(entry for entry in ENTRIES if entry.name == name)
    own = prepared(entry, data, tmp_path)
    before = snapshot(tmp_path)
    command = [sys.executable, "-m", "monai.bundle", *entry.arguments(tmp_path, own)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2 and "Traceback" not in ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and entry.said in last
    assert snapshot(tmp_path) == before
