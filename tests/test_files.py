"""Files that are whole or not there."""

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from patchseg.errors import InputError
from patchseg.files import whole_file

LARGE = np.random.default_rng(0).random((40, 40, 40))  # 512 kB that no format packs


def write_text(path: Path) -> None:
    path.write_text(str(LARGE.tolist()))


def save_weights(path: Path) -> None:
    torch.save({"weight": torch.from_numpy(LARGE)}, path)


def save_mask(path: Path) -> None:
    nib.save(nib.Nifti1Image(LARGE, np.eye(4)), path)


@pytest.fixture
def little_room():
    """The system lets this process write files of 100 kB: what a full disk answers, without filling one."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize(
    ("name", "write"), [("log.jsonl", write_text), ("model.pt", save_weights), ("mask.nii.gz", save_mask)]
)
def test_a_full_disk_leaves_what_was_there(name: str, write: Callable, tmp_path, little_room):
    (tmp_path / name).write_text("before")
    with (
        pytest.raises(InputError, match=rf"{name} could not be written, the disk is full"),
        whole_file(tmp_path / name) as temporary,
    ):
        write(temporary)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "before")]


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="odd"), whole_file(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise RuntimeError("odd")
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "no folder" / "a") as temporary:
        temporary.write_text("half")
    assert list(tmp_path.iterdir()) == []
