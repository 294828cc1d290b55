"""Two processes cannot train into one folder; a process that is gone holds nothing."""

import subprocess
import sys

import pytest

from patchseg.claim import claim
from patchseg.errors import InputError

HOLD = """
import sys, pathlib
from patchseg.claim import claim
claim(pathlib.Path(sys.argv[1]))
print(1, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds tmp_path/run."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"1\n"
    yield process
    process.kill()
    process.wait()


def test_a_held_folder_is_refused_until_its_process_is_killed(tmp_path, holder):
    with pytest.raises(InputError, match=f"another running training writes to {tmp_path}/run"):
        claim(tmp_path / "run", patience=0.2)
    claim(tmp_path / "other")
    holder.kill()
    claim(tmp_path / "run")
    claim(tmp_path / "run")  # the same process, again
    assert list((tmp_path / "run").iterdir()) == []
