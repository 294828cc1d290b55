"""Trainings and evaluations as recorded steps: `python -m monai.bundle` in a process of its own, done once."""

import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from patchseg.errors import InputError
from patchseg.files import whole_file

REPOSITORY = Path(__file__).resolve().parents[1]


def bundle_command(run_id: str, configs: Sequence[str], settings: dict[str, Any]) -> list[str]:
    """Arguments of python that run a bundle's configs, later ones over earlier ones, with other settings."""
    options = (text for key, value in settings.items() for text in (f"--{key}", str(value)))
    return ["-m", "monai.bundle", "run", run_id, "--config_file", str(list(configs)), *options]


def run_command(command: Sequence[str]) -> None:
    """Run python in the repository; when it fails, exit with its code."""
    environment = {"OMP_WAIT_POLICY": "passive", "PYTHONWARNINGS": "ignore"} | os.environ
    done = subprocess.run([sys.executable, *command], cwd=REPOSITORY, env=environment)
    if done.returncode:
        sys.exit(done.returncode)


def step(
    record: Path, command: list[str], names: dict[str, str], run: Callable[[Sequence[str]], None] = run_command
) -> dict[str, Any]:
    """Run a command and write down what it was and what it took, unless the record says that it is done.

    Args:
        record: the JSON file to write, in the folder that the command writes to. A `last.pt` there says that a
            training goes on; then its times mean nothing and are null.
        command: from `bundle_command`.
        names: what to call this machine's folders in the record.
        run: what runs the command and exits when it fails.

    Returns:
        `command`, `configs` (a digest), `process_seconds` and `cpu_seconds`.

    Raises:
        InputError: the record is of another command or other configs.
    """
    about = {"command": shown(command, names), "configs": digest(command)}
    known = json.loads(record.read_text()) if record.is_file() else about
    if {key: known[key] for key in about} != about:
        raise InputError(
            f"{record} is of another command or other configs: delete its folder or choose another output_dir."
        )
    if "process_seconds" in known:
        return known
    print(about["command"], flush=True)
    unbroken = not (record.parent / "last.pt").exists()
    write_json(record, about)  # before it starts: a training that was killed must not go on with other configs
    start, cpu_before = time.perf_counter(), _cpu_seconds()
    run(command)
    seconds, cpu_seconds = time.perf_counter() - start, _cpu_seconds() - cpu_before
    taken = {"process_seconds": seconds, "cpu_seconds": cpu_seconds}
    done = about | (taken if unbroken else dict.fromkeys(taken))
    write_json(record, done)
    return done


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write the file whole, and its folder when needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def shown(command: Sequence[str], names: dict[str, str]) -> str:
    """The command as anyone can type it in the repository, with names for the folders of this machine."""
    quoted = (f'"{word}"' if "'" in word and not set('"$') & set(word) else shlex.quote(word) for word in command)
    text = " ".join(["python", *quoted])
    for path, name in sorted(names.items(), key=lambda item: -len(item[0])):
        text = text.replace(path, name)
    return text


def digest(command: Sequence[str]) -> str:
    """Of the configs that a command reads: a result of other hyper-parameters must not be taken for this one's."""
    files = command[command.index("--config_file") + 1]
    texts = ((REPOSITORY / file.strip(" '")).read_bytes() for file in files.strip("[]").split(","))
    return sha256(b"".join(texts)).hexdigest()[:16]


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
