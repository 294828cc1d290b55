"""Programs that use packed bundles, each in a process that cannot import the package they were packed from."""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from forked import Program

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLES = REPOSITORY / "bundles"
NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/models/model.pt"))
LIMIT = 600  # seconds; a hang is a failure, not a test that never ends


def python(*arguments: object, env: dict[str, str], cwd: Path, forked: bool = True) -> subprocess.CompletedProcess:
    """Run Python with these arguments, forked from a server that has imported MONAI, or started anew."""
    quiet = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "PYTHONWARNINGS": "ignore"}
    env = {**os.environ, **quiet, **env}
    if forked:
        program = Program(arguments, cwd=cwd, env=env)
        out, err = program.communicate(LIMIT)
        return subprocess.CompletedProcess(arguments, program.returncode, out, err)
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=LIMIT)


def answer(program: str, given: dict, env: dict[str, str], cwd: Path) -> dict:
    """What a program of this folder prints last, as JSON; `given` is its argument, as JSON too."""
    ended = python(Path(__file__).with_name(program), json.dumps(given, default=str), env=env, cwd=cwd)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])
