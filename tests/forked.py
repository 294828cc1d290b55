"""Programs forked from a server that has imported MONAI: processes of their own, without the seconds of a start.

What a program is from its first import on, is left to tests that start one as a user does.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import TimeoutExpired

TESTS = Path(__file__).resolve().parent
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # else its thread runs where programs are forked
servers = multiprocessing.get_context("forkserver")
# nothing of patchseg: each program imports its own
servers.set_forkserver_preload(["monai.bundle", "monai.engines", "monai.handlers", "mlflow", "matplotlib.pyplot"])


class Program:
    """`python ARGUMENTS` as a fork: a file, or -m and a module, and what is typed behind; used like a Popen.

    Args:
        env: the program's whole environment.
    """

    def __init__(self, arguments: Sequence[object], cwd: Path, env: Mapping[str, str]) -> None:
        self._said = tempfile.TemporaryDirectory()
        files = [Path(self._said.name, name) for name in ("out", "err")]
        self._files = files
        arguments = [str(argument) for argument in arguments]
        self._process = servers.Process(target=_run, args=(arguments, cwd, dict(env), files))
        self._process.start()

    @property
    def returncode(self) -> int | None:
        """The exit code, minus the signal of a program that was killed, None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code of a program that has ended."""
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to a program that runs."""
        if self.poll() is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill -9."""
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end; what the program wrote to stdout and stderr.

        Raises:
            subprocess.TimeoutExpired: it runs longer than `timeout` seconds; it is killed then.
        """
        self._process.join(timeout)
        if self.poll() is None:
            self.kill()
            raise TimeoutExpired(self._process.name, timeout)
        out, err = (path.read_text() if path.exists() else "" for path in self._files)
        self._said.cleanup()
        return out, err


def _run(arguments: list[str], cwd: Path, env: dict[str, str], files: list[Path]) -> None:
    for stream, file in zip((sys.stdout, sys.stderr), files, strict=True):
        with file.open("w") as opened:
            os.dup2(opened.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    by_name = arguments[0] == "-m"
    name, sys.argv = (arguments[1], arguments[1:]) if by_name else (arguments[0], arguments)
    # as a new interpreter would: the tests' own folders are not on its path, PYTHONPATH is
    first = str(cwd) if by_name else str(Path(name).parent)
    named = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [first, *named, *(path for path in sys.path if not Path(path).is_relative_to(TESTS))]
    import torch  # late: the process of the tests need not import it to start a program

    torch.set_num_threads(int(env.get("OMP_NUM_THREADS", torch.get_num_threads())))
    try:
        if by_name:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(name, run_name="__main__")
    except Exception:
        sys.excepthook(*sys.exc_info())  # multiprocessing would print a traceback of its own
        sys.exit(1)
