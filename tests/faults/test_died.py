"""A process of a run that dies is said in a sentence; what tests/faults takes for damage is damage."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from patchseg.errors import input_error_in

sys.path.insert(0, str(Path(__file__).parent))
from killing import wrong_in_training

LOADING = """
import os, signal
from torch.utils.data import DataLoader, Dataset
from patchseg.errors import show_as_sentence

class Dying(Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)

show_as_sentence()
list(DataLoader(Dying(), num_workers=2))
"""


def test_a_loading_process_that_is_killed():
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith(
        "error: a loading process died (it "
    )  # which of two ways torch notices it by, is chance
    assert said.endswith("give the same command again to go on, with a smaller --num_workers.")


def test_a_loading_process_that_is_killed_as_it_starts():
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    with pytest.raises(EOFError) as raised:
        ours.recv()
    assert str(input_error_in(raised.value)).startswith("a loading process died (it ended as it was started)")
    assert input_error_in(EOFError("a file that is cut")) is None


def test_what_gloo_and_nccl_say():
    gloo = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:553] Connection closed by peer")
    for error in (gloo, torch.distributed.DistBackendError("NCCL communicator was aborted")):
        assert str(input_error_in(error)).startswith("another process of this run has ended")
    assert input_error_in(RuntimeError("DataLoader timed out after 5 seconds")) is None


def test_damage_is_noticed(tmp_path):
    assert wrong_in_training(tmp_path) == []
    torch.save({"epoch": 2, "network": {"a": torch.ones(2)}}, tmp_path / "last.pt")
    (said,) = wrong_in_training(tmp_path)
    assert said == "training.jsonl has the epochs [], last.pt is of 2"
    (tmp_path / "training.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}\n{"epoch": 3}\n')
    assert wrong_in_training(tmp_path) == []
    torch.save({"a": torch.zeros(2)}, tmp_path / "model.pt")
    (tmp_path / "split.json").write_text('{"folds": 3')
    differs, split = wrong_in_training(tmp_path)
    assert "model.pt differs from last.pt" in differs and split.startswith("split.json: InputError")
    (tmp_path / "last.pt").write_bytes((tmp_path / "last.pt").read_bytes()[:500])
    assert wrong_in_training(tmp_path)[0].startswith("last.pt: ")
    (tmp_path / ".123.last.pt").touch()
    complete = wrong_in_training(tmp_path, complete=True)
    assert "model.pt.sha256 is missing" in complete and ".123.last.pt was left" in complete
