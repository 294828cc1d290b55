"""Programs that use packed bundles, each in a process that cannot import the package they were packed from."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLES = REPOSITORY / "bundles"
NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/models/model.pt"))
LIMIT = 600  # seconds; a hang is a failure, not a test that never ends


def python(*arguments: object, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess:
    """Run Python with these arguments."""
    quiet = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, **quiet, **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


def answer(program: str, given: dict, env: dict[str, str], cwd: Path) -> dict:
    """What a program of this folder prints last, as JSON; `given` is its argument, as JSON too."""
    ended = python(Path(__file__).with_name(program), json.dumps(given, default=str), env=env, cwd=cwd)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])
