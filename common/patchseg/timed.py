"""Run a command and write down how long it took: `python -m patchseg.timed timings.json training COMMAND`."""

import json
import subprocess
import sys
import time
from pathlib import Path

from patchseg.files import whole_file


def timed(path: str | Path, stage: str, command: list[str]) -> int:
    """Run `command`, add its wall-clock seconds as `stage` to the JSON file `path`, return its exit code.

    A command that fails leaves the file as it was.
    """
    started = time.perf_counter()
    code = subprocess.call(command)
    if code == 0:
        path = Path(path)
        stages = json.loads(path.read_text()) if path.is_file() else {}
        stages[stage] = round(time.perf_counter() - started, 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(stages, indent=1) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(timed(sys.argv[1], sys.argv[2], sys.argv[3:]))
