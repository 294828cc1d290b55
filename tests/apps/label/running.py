"""A server in a process of its own, and the requests that 3D Slicer and OHIF send to it."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import requests
from requests_toolbelt import MultipartDecoder

REPOSITORY = Path(__file__).resolve().parents[3]
LIMIT = 600  # seconds; a hang is a failure, not a test that never ends


@dataclass
class Server:
    """A running server: its address, its studies, the bundles it serves, what it printed so far, its process."""

    url: str
    studies: Path
    bundles: Path
    log: Path
    pid: int

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=LIMIT, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=LIMIT, **options)

    def put(self, path: str, **options: Any) -> requests.Response:
        return requests.put(self.url + path, timeout=LIMIT, **options)

    def info(self) -> dict[str, Any]:
        return self.get("/info/").json()

    def infer(self, model: str, image: str = "", file: Path | None = None, session: str = "", **params: Any):
        """POST /infer as Slicer sends it: the parameters as a JSON text in a form."""
        query = {"image": image} if image else {"session_id": session} if session else {}
        files = {"file": (file.name, file.read_bytes())} if file else None
        return self.post(f"/infer/{model}", params=query, data={"params": json.dumps(params)}, files=files)

    def mask(self, folder: Path, model: str, **request: Any) -> tuple[Path, dict[str, Any]]:
        """The mask that /infer answers, written into the folder as it was named, and its parameters."""
        answer = self.infer(model, **request)
        assert answer.status_code == 200, answer.text
        file, params = None, {}
        for part in MultipartDecoder.from_response(answer).parts:
            disposition = part.headers[b"Content-Disposition"].decode()
            if 'name="params"' in disposition:
                params = json.loads(part.content)
            else:
                file = folder / disposition.split('filename="')[1].rstrip('"')
                file.write_bytes(part.content)
        return file, params

    def wait(self, task: str) -> dict[str, Any]:
        """The last training, scoring or batch of the server, when it has ended."""
        end = time.monotonic() + 2 * LIMIT
        while time.monotonic() < end:
            found = self.get(f"/{task}").json()
            if found["status"] not in ("SUBMITTED", "RUNNING"):
                return found
            time.sleep(1)
        raise TimeoutError(f"{task} still runs")


def without_network(refused: Path) -> dict[str, str]:
    """Environment of a server that cannot leave this machine; the file `refused` lists where it tried to go."""
    refused.touch()
    path = [str(Path(__file__).with_name("offline")), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path), "REFUSED_CONNECTIONS": str(refused)}


@contextmanager
def start(studies: Path, bundles: Path, command: list[str] | None = None, **environment: str) -> Iterator[Server]:
    """Start the server on a free port, wait until it answers, and end it."""
    port = free_port()
    command = command or [str(REPOSITORY / "apps" / "label" / "serve.py"), str(studies)]
    settings = {"PATCHSEG_BUNDLES": str(bundles), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    log = studies.parent / f"server_{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)],
            env={**os.environ, **settings, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(f"{environment.get('SCHEME', 'http')}://127.0.0.1:{port}", studies, bundles, log, process.pid)
    try:
        end = time.monotonic() + LIMIT
        while not answers(server.url):
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
            time.sleep(0.5)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=LIMIT)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def inside(mask: Path, click: list[int]) -> bool:
    """Whether a mask holds the voxel of a click: voxel indices of the file, the first axis first."""
    return bool(nib.load(mask).dataobj[tuple(click)] == 1)
