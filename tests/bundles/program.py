"""The bundles' programs, started as a user starts them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from forked import Program

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLE = REPOSITORY / "bundles" / "crossover_kidney"
CONFIGS = BUNDLE / "configs"
MONAI = ("-m", "monai.bundle")
LIMIT = 300  # seconds; a hang is a failure, not a test that never ends

# Small enough for seconds, long enough to learn the tiny tumours.
TINY = {"spacing": 2.0}
TRAINING = {
    **TINY,
    "canvas": [48, 48],
    "folds": 3,
    "max_epochs": 4,
    "val_interval": 2,
    "batch_size": 1,
    "slices_per_case": 2,
    "learning_rate": 0.002,
}


@dataclass
class Ended:
    """A program that has ended: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def start(*arguments: object, cwd: Path, processes: int = 1, forked: bool = True) -> subprocess.Popen | Program:
    """Start `python -m monai.bundle ARGUMENTS`, under torchrun when several processes are asked for.

    Args:
        forked: from a server that has imported MONAI. False starts Python anew, as a user does; torchrun always
            does.
    """
    torchrun = ("-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}")
    command = [*(torchrun if processes > 1 else ()), *MONAI, *map(str, arguments)]
    threads = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env = {**os.environ, **threads}
    if forked and processes == 1:
        return Program(command, cwd=cwd, env=env)
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(program: subprocess.Popen | Program) -> Ended:
    """Wait for a program; kill it if it takes too long."""
    try:
        out, err = program.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        program.kill()
        raise
    return Ended(program.returncode, out, err)


def overrides(**settings: object) -> list[str]:
    """Settings as they are typed: `--spacing 2.0 --canvas [48, 48]`."""
    return [text for key, value in settings.items() for text in (f"--{key}", str(value))]


def run_arguments(config: str, run_id: str = "", configs: Path = CONFIGS, **settings: object) -> list[str]:
    """`run [ID] --config_file ... --key value ...` for one of the bundle's configs, or several joined by a +."""
    files = [str(configs / f"{name}.json") for name in config.split("+")]
    given = files[0] if len(files) == 1 else str(files)
    return ["run", *([run_id] if run_id else []), "--config_file", given, *overrides(**settings)]


def tree(folder: Path) -> list[str]:
    """Every file below a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
