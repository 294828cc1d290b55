"""Cases shared out: every one once, whoever asks."""

import json
import os
import subprocess
import sys

import pytest

from patchseg.distributed import device, is_first, share
from patchseg.errors import InputError


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_every_case_has_one_process(monkeypatch, processes):
    cases = list(range(7))
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    shares = []
    for rank in range(processes):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(share(cases))
        assert is_first() == (rank == 0)
    assert sorted(case for part in shares for case in part) == cases
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_processes_than_cases(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match="2 cases for 3 processes"):
        share([1, 2])


def test_device_is_one_torch_can_use():
    assert device().type in ("cpu", "cuda")


# A bundle's run as gloo's threads see it: something still lives when the interpreter ends.
LATE = """
class Late:
    def __del__(self):
        print("the interpreter's own end")


late = Late()
"""


@pytest.mark.parametrize(("finalize", "code"), [("$print('its last word')", 0), ("$1 / 0", 1)])
def test_processes_of_a_bundle_end_before_the_interpreter_does(tmp_path, finalize, code):
    """Under torchrun gloo's threads could abort the interpreter's end: a training that had succeeded failed."""
    (tmp_path / "late.py").write_text(LATE)
    config = {
        "imports": ["$import atexit", "$import late", "$import patchseg"],
        "initialize": ["$patchseg.distributed.join()", "$atexit.register(print, 'a library tidies up')"],
        "run": ["$print('trained')"],
        "finalize": ["$patchseg.distributed.leave()", finalize],
    }
    (tmp_path / "train.json").write_text(json.dumps(config))
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    bundle = ("-m", "monai.bundle", "run", "--config_file", str(tmp_path / "train.json"))
    ended = subprocess.run(
        [sys.executable, *torchrun, *bundle],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == code, ended.stderr
    # one process that fails may end the other before its words are out
    expected = {2} if code == 0 else {1, 2}
    assert ended.stdout.count("trained") in expected
    assert ended.stdout.count("a library tidies up") in expected
    assert ended.stdout.count("its last word") == (2 if code == 0 else 0)
    assert "the interpreter's own end" not in ended.stdout
    assert "ZeroDivisionError" in ended.stderr or code == 0
