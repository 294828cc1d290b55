"""Every entry of the catalogue: its sentence, its exit code, no traceback, and not a byte written or changed."""

from pathlib import Path

import pytest
from catalogue import Bad, entries
from good_place import good_place, run, snapshot
from stored_scan import stand_ins

ENTRIES = entries()


@pytest.fixture(scope="module")
def bundles(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stand_ins")
    stand_ins(folder)
    return folder


@pytest.fixture
def place(tmp_path, bundles, monkeypatch):
    (tmp_path / "place").mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(tmp_path / "place" / "bundles"))
    return good_place(tmp_path / "place", bundles)


def test_names_are_unique():
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names) >= 120


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_bad_input(place, capsys, entry: Bad):
    entry.spoil(place)
    before = snapshot(place.folder)
    typed = [text.replace("{place}", str(place.folder)) for text in entry.arguments]
    ended = run(entry.program, typed, capsys)
    assert ended.code == entry.code, ended.said
    assert entry.said in ended.said
    assert "Traceback" not in ended.said
    sentences = [line for line in ended.said.splitlines() if line.startswith(("error: ", "ERROR: "))]
    assert len(sentences) == 1 and len(sentences[0]) < 1000, ended.said
    assert snapshot(place.folder) == before
    assert not list(Path.cwd().iterdir())


def test_the_good_ones_pass(place, capsys):
    """What is refused above is refused for what was spoilt."""
    scan, mask = str(place / "scan.nii.gz"), str(place / "mask.nii.gz")
    assert run("patchseg", ["segment", scan, "-o", mask], capsys).code == 0
    assert run("patchseg", ["click", scan, "--at", "11,10,3", "-o", mask, "--overwrite"], capsys).code == 0
