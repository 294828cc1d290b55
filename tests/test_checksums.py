import shutil
import subprocess

import pytest

from patchseg.checksums import read_checked, sidecar, write_checked
from patchseg.errors import InputError


@pytest.fixture
def path(tmp_path):
    write_checked(tmp_path / "model.pt", b"weights")
    return tmp_path / "model.pt"


def test_what_was_written_is_read(path):
    assert read_checked(path) == b"weights"
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.pt", "model.pt.sha256"]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_agrees(path):
    command = ["sha256sum", "-c", sidecar(path).name]
    checked = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    assert checked.stdout == "model.pt: OK\n"


def test_another_content_is_refused(path):
    path.write_bytes(b"Weights")
    with pytest.raises(InputError, match=r"not the file that model\.pt\.sha256 was written for") as wrong:
        read_checked(path)
    assert "copy it again" in str(wrong.value) and "delete model.pt.sha256 only if" in str(wrong.value)


def test_written_again_both_change(path):
    write_checked(path, b"other weights")
    assert read_checked(path) == b"other weights"


def test_without_a_sidecar_nothing_is_checked(path):
    sidecar(path).unlink()
    path.write_bytes(b"anything")
    assert read_checked(path) == b"anything"


@pytest.mark.parametrize("text", ["", "no sum", "abc  model.pt"])
def test_a_sidecar_without_a_sum_is_refused(path, text):
    sidecar(path).write_text(text)
    with pytest.raises(InputError, match="holds no SHA-256"):
        read_checked(path)


def test_upper_case_sums_count(path):
    sidecar(path).write_text(sidecar(path).read_text().upper())
    assert read_checked(path) == b"weights"


def test_killed_between_the_two_files_leaves_usable_weights(path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("patchseg.checksums.checksum_line", killed)
    with pytest.raises(KeyboardInterrupt):
        write_checked(path, b"new")
    assert read_checked(path) == b"new"
