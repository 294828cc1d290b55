"""Random damage to headers, voxels and clicks: every try has to end with a mask or with a sentence.

    python benchmarks/robustness.py [--seconds 120] [--seed 0] [--out results/robustness.json]
    python benchmarks/robustness.py --only 17      one try again, with its traceback

A good NIfTI, MHA or NRRD file or DICOM series gets random bytes, most of them in its header, or is cut, or parts
of its header are exchanged; clicks get random text. Then it goes through what `patchseg segment` and `click`
do, with stand-ins for the networks. The tries run in a process of their own, of bounded memory, so that a crash
counts as a failure and ends nothing.
"""

import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import fire
import numpy as np
from machine import versions

ROOT = Path(__file__).resolve().parents[1]
for folder in ("bundles", "geometry", "bad_input"):
    sys.path.insert(0, str(ROOT / "tests" / folder))
FORMS = ("nifti", "mha", "nrrd", "dicom", "clicks")
HEADER = {"nifti": 352, "mha": 350, "nrrd": 350, "dicom": 1200}  # bytes in which most of the damage is done
LIMIT_S = 60  # of one try; longer counts as a hang
MEMORY = 12 * 2**30  # bytes of address space
OUTCOMES = ("answered", "refused", "failed")


def main(seconds: float = 120.0, seed: int = 0, out: str | None = None, only: int | None = None) -> None:
    """Damage files and clicks until the time is up, print and write the counts.

    Args:
        seconds: how long, the start of the processes not included.
        seed: of the damage; printed, and written with the counts.
        out: the JSON file to write; results/robustness.json by default.
        only: run this one try and show what it raised.
    """
    print(f"seed {seed}", flush=True)
    if only is not None:
        with tempfile.TemporaryDirectory() as folder:
            print(_try(only, seed, Path(folder), _good_files(Path(folder)), show=True))
        return
    counts: dict[str, Counter[str]] = {form: Counter() for form in FORMS}
    failures: list[dict[str, Any]] = []
    for record in _tries(seed, seconds):
        counts[record["form"]][record["outcome"]] += 1
        if record["outcome"] == "failed":
            failures.append(record)
            print(f"try {record['try']}: {record['said']}", flush=True)
    content = {
        "about": {"benchmark": "robustness", "versions": versions()},
        "fuzz": {
            "seed": seed,
            "seconds": seconds,
            "tries": sum(counter.total() for counter in counts.values()),
            **{outcome: sum(counter[outcome] for counter in counts.values()) for outcome in OUTCOMES},
            "by_form": {form: {o: counts[form][o] for o in OUTCOMES} for form in FORMS},
            "failures": failures,
        },
        "bad_inputs": catalogue_size(),
        "geometry": geometry_size(),
    }
    path = Path(out) if out else ROOT / "results" / "robustness.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    other = json.loads(path.read_text()) if path.is_file() else {}  # what else was tried stays
    path.write_text(json.dumps(other | content, indent=1) + "\n")
    print(json.dumps({key: content["fuzz"][key] for key in ("tries", *OUTCOMES)}))


def catalogue_size() -> dict[str, int]:
    """How many bad inputs tests/bad_input holds, by what they spoil."""
    import bad_runs
    import catalogue

    kinds = Counter(entry.name.split()[0] for entry in catalogue.entries())
    kinds["run"] = len(bad_runs.entries())
    return {"total": kinds.total(), **dict(sorted(kinds.items()))}


def geometry_size() -> dict[str, int]:
    """What tests/geometry/test_never_mirrored.py goes through."""
    import stored_scan

    whole = len(stored_scan.ORIENTATIONS) * len(stored_scan.HEADERS) * len(stored_scan.FORMS)
    return {
        "orientations": len(stored_scan.ORIENTATIONS),
        "headers": len(stored_scan.HEADERS),
        "forms": len(stored_scan.FORMS),
        "whole_product": whole,
    }


def _tries(seed: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Records of the tries, out of worker processes that are started again after a crash."""
    number = 0
    while seconds > 0:
        command = [sys.executable, __file__, "worker", str(seed), str(number), str(seconds)]
        begun = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            for line in process.stdout:
                if line == "ready\n":
                    begun = time.monotonic()
                elif line.startswith("{"):
                    record = json.loads(line)
                    number = record["try"] + 1
                    yield record
        seconds -= time.monotonic() - begun
        if process.returncode != 0:
            said = f"the process ended with code {process.returncode}"
            yield {"try": number, "form": _form(number, seed), "outcome": "failed", "said": said}
            number += 1


def worker(seed: int, number: int, seconds: float) -> None:
    """Make tries from this number on, at least one, and print a record of each."""
    signal.signal(signal.SIGALRM, _too_long)
    with tempfile.TemporaryDirectory() as folder:
        files = _good_files(Path(folder))
        _segment(files["nifti"], Path(folder), None)  # loads everything; the time and the memory count from here
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        print("ready", flush=True)
        end = time.monotonic() + seconds
        while True:
            print(json.dumps(_try(number, seed, Path(folder), files)), flush=True)
            number += 1
            if time.monotonic() > end:
                return


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {LIMIT_S} s")


def _good_files(folder: Path) -> dict[str, Path]:
    import bad_scans
    import stored_scan

    good = folder / "good"
    good.mkdir()
    stored_scan.stand_ins(folder / "bundles")
    bad_scans.nifti(good / "scan.nii")
    for form in ("mha", "nrrd"):
        bad_scans.itk_image(good / f"scan.{form}")
    bad_scans.series(good / "series", slices=4)
    paths = {"nifti": good / "scan.nii", "dicom": good / "series", "clicks": good / "scan.nii"}
    return paths | {form: good / f"scan.{form}" for form in ("mha", "nrrd")}


def _form(number: int, seed: int) -> str:
    return FORMS[int(np.random.default_rng([seed, number]).integers(len(FORMS)))]


def _try(number: int, seed: int, folder: Path, files: dict[str, Path], show: bool = False) -> dict[str, Any]:
    """One try: `failed` is what raised anything but an InputError, or took too long."""
    from patchseg.errors import input_error_in

    rng = np.random.default_rng([seed, number])
    form = FORMS[int(rng.integers(len(FORMS)))]
    record = {"try": number, "form": form}
    scan = folder / files[form].name
    signal.alarm(0 if show else LIMIT_S)
    try:
        if form == "clicks":
            found = _segment(files[form], folder, _text(rng))
        else:
            _damaged(files[form], scan, rng, HEADER[form])
            found = _segment(scan, folder, None)
        return record | {"outcome": "answered", "said": f"{found:g} ml"}
    except Exception as error:
        wrong = input_error_in(error)
        if wrong is None and show:
            traceback.print_exc()
        said = str(wrong) if wrong else f"{type(error).__name__}: {error}".splitlines()[0]
        return record | {"outcome": "refused" if wrong else "failed", "said": said[:300]}
    finally:
        signal.alarm(0)
        if scan.is_dir():
            shutil.rmtree(scan)
        scan.unlink(missing_ok=True)


def _segment(scan: Path, folder: Path, click: str | None) -> float:
    """Millilitres found, as `patchseg segment` or `patchseg click` finds them."""
    from patchseg.click import clicks_from
    from patchseg.segment import segment_scan

    clicks = None if click is None else clicks_from({"--at": click, "--not": ""})
    root = folder / "bundles" / ("crossover_kidney" if clicks is None else "seqpatch_prostate")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return segment_scan(scan, root, clicks=clicks).volume_ml


def _damaged(good: Path, target: Path, rng: np.random.Generator, header: int) -> None:
    """A damaged copy of a file, or of a folder with one damaged file."""
    if good.is_dir():
        shutil.copytree(good, target)
        names = sorted(path.name for path in target.iterdir())
        name = names[int(rng.integers(len(names)))]
        good, target = good / name, target / name
    content = bytearray(good.read_bytes())
    for _ in range(int(rng.integers(1, 9))):
        here, there = (int(n) for n in rng.integers(min(header, len(content)), size=2))
        kind = rng.random()
        if kind < 0.75:  # another byte in the header; for a digit another sign of a number
            digit = content[here : here + 1].isdigit()
            content[here : here + 1] = bytes([rng.choice(list(b"0123456789-.e "))]) if digit else rng.bytes(1)
        elif kind < 0.85:
            content[here : here + 8], content[there : there + 8] = (
                content[there : there + 8],
                content[here : here + 8],
            )
        elif kind < 0.92:
            anywhere = int(rng.integers(len(content)))
            content[anywhere : anywhere + 4] = rng.bytes(4)
        elif kind < 0.96:
            del content[here : here + int(rng.integers(1, 40))]
        else:
            del content[int(rng.integers(len(content))) :]
        if not content:
            break
    target.write_bytes(bytes(content))


def _text(rng: np.random.Generator) -> str:
    """A click, near to a good one or far from it."""
    numbers = ",".join(str(int(n)) for n in rng.integers(-2, 26, 3))
    signs = np.array(list("0123456789,,;.[](){}-+ eE_xjnaif\"'"))
    if rng.random() < 0.3:
        return numbers
    if rng.random() < 0.3:
        return "".join(rng.choice(signs, int(rng.integers(0, 30))))
    text = list(f"[[{numbers}]]" if rng.random() < 0.5 else numbers)
    for _ in range(int(rng.integers(1, 4))):
        text[int(rng.integers(len(text)))] = str(rng.choice(signs))
    return "".join(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        worker(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        fire.Fire(main)
