"""Eight clients at once: good requests, bad ones, and questions in between, in an order drawn from a seed."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import psutil
from running import Server
from studies import Case, kidney, prostate, write_nifti

CLIENTS = 8
KINDS = {"automatic": 0.25, "click": 0.3, "bad": 0.25, "next sample": 0.1, "info": 0.1}
GROWTH = 64 * 2**20  # bytes that the server may grow by after the first part of the requests
WARM = 0.2  # that first part


def write_small_studies(folder: Path) -> Path:
    """Two cut-outs of a CT and two of an MR phantom, of two slices each, and a file that is no image."""
    folder.mkdir()
    for name, case, side in (
        ("kidney_ras", kidney(), 40),
        ("kidney_ipl", kidney("kidney_ipl"), 40),
        ("prostate_lps", prostate(), 64),
        ("prostate_oblique", prostate("prostate_oblique"), 64),
    ):
        small = cut(case, side)
        write_nifti(small.image, small.affine, folder / f"{name}.nii.gz")
    (folder / "damaged.nii.gz").write_bytes(b"no image")
    return folder


def cut(case: Case, side: int) -> Case:
    """The voxels around the click."""
    first = [
        int(np.clip(c - side // 2, 0, max(n - side, 0))) for c, n in zip(case.click, case.image.shape, strict=True)
    ]
    part = tuple(slice(f, f + side) for f in first)
    affine = case.affine.copy()
    affine[:3, 3] = nib.affines.apply_affine(case.affine, first)
    click = [c - f for c, f in zip(case.click, first, strict=True)]
    return Case(np.ascontiguousarray(case.image[part]), case.label[part], affine, click)


def good_requests() -> dict[str, list[dict[str, Any]]]:
    """Requests that are answered with a mask, by kind."""
    automatic = [{"model": "crossover_kidney", "image": f"kidney_{header}"} for header in ("ras", "ipl")]
    clicks = []
    for name in ("prostate_lps", "prostate_oblique"):
        click = cut(prostate(name), 64).click
        beside = [click[0], click[1] + 9, click[2]]
        for background in ([], [beside]):
            clicks.append(
                {"model": "seqpatch_prostate", "image": name, "foreground": [click], "background": background}
            )
    return {"automatic": automatic, "click": clicks}


def bad_requests(server: Server) -> list[Callable[[], Any]]:
    """Requests that are refused."""
    click = cut(prostate(), 64).click
    given = {"model": "seqpatch_prostate", "image": "prostate_lps", "foreground": [click]}
    path = "/infer/seqpatch_prostate"
    return [
        lambda: server.infer(**given | {"foreground": [[5000, 0, 0]]}),
        lambda: server.infer(**given | {"foreground": []}),
        lambda: server.infer(**given | {"foreground": "'; import os"}),
        lambda: server.infer(**given | {"device": "tpu"}),
        lambda: server.infer(**given | {"model": "liver"}),
        lambda: server.infer(**given | {"image": "nobody"}),
        lambda: server.infer(**given | {"image": "/etc/passwd"}),
        lambda: server.infer("crossover_kidney", image="damaged"),
        lambda: server.infer(**given | {"result_extension": "/../../hacked.nii.gz"}),
        lambda: server.post(path, params={"image": "prostate_lps"}, data={"params": "{broken"}),
        lambda: server.post(path, params={"image": "prostate_lps"}, data={"params": "[1, 2]"}),
        lambda: server.infer("seqpatch_prostate", session="none"),
    ]


def run_mixed(server: Server, count: int, seed: int, folder: Path) -> dict[str, Any]:
    """Send `count` requests from CLIENTS clients; what was asked, how the server grew, and what was wrong.

    What a single client gets for each good request is asked first.
    """
    alone = {
        k: [_mask(server, r, folder / f"{k}_{n}") for n, r in enumerate(v)] for k, v in good_requests().items()
    }
    rng = np.random.default_rng(seed)
    kinds = [str(kind) for kind in rng.choice(list(KINDS), size=count, p=list(KINDS.values()))]
    draws = [int(draw) for draw in rng.integers(2**31, size=count)]
    process, memory, wrong, lock = psutil.Process(server.pid), [], [], threading.Lock()
    warm = int(WARM * count)

    def one(number: int) -> None:
        try:
            said = _ask(server, kinds[number], draws[number], alone, folder / f"mixed_{number}")
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        with lock:
            memory.append(process.memory_info().rss)
            if said:
                wrong.append(f"request {number}, {kinds[number]}: {said}"[:300])

    begun = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(one, range(count)))
    grown = max(memory[-max(warm // 4, 1) :]) - max(memory[: max(warm, 1)])
    if grown > GROWTH:
        wrong.append(f"the server grew by {grown / 2**20:.0f} MB after the first {warm} requests")
    if not process.is_running() or server.get("/info/").status_code != 200:
        wrong.append("the server does not answer any more")
    return {
        "requests": count,
        "clients": CLIENTS,
        "by_kind": dict(sorted(Counter(kinds).items())),
        "seconds": round(time.monotonic() - begun),
        "memory_mb": {
            "after_the_first": round(max(memory[: max(warm, 1)]) / 2**20),
            "grown": round(grown / 2**20),
        },
        "wrong": wrong,
    }


def _ask(server: Server, kind: str, draw: int, alone: dict[str, list[np.ndarray]], folder: Path) -> str:
    """One request; what was wrong with its answer."""
    if kind == "info":
        return "" if server.info()["models"] else "no models"
    if kind == "next sample":
        answer = server.post("/activelearning/random", json={})
        return "" if answer.ok and answer.json()["id"] else f"{answer.status_code} {answer.text}"
    if kind == "bad":
        bad = bad_requests(server)
        answer = bad[draw % len(bad)]()
        refused = 400 <= answer.status_code < 500 and "Traceback" not in answer.text
        return "" if refused else f"bad request {draw % len(bad)}: {answer.status_code} {answer.text}"
    requests = good_requests()[kind]
    number = draw % len(requests)
    same = np.array_equal(_mask(server, requests[number], folder), alone[kind][number])
    return "" if same else f"another mask than a single client's for {requests[number]}"


def _mask(server: Server, request: dict[str, Any], folder: Path) -> np.ndarray:
    folder.mkdir()
    file, _ = server.mask(folder, **request)
    return np.asarray(nib.load(file).dataobj)
