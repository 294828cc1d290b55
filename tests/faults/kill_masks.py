"""Programs that write masks and are killed: a mask is there whole, as an unbroken program writes it, or not."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bundles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "geometry"))
sys.path.insert(0, str(Path(__file__).parent))
from killing import end, kill_after, leftovers, measured, start
from program import run_arguments
from stored_scan import CENTRE, HEADERS, stand_ins, stored, written

CASES = 3


def programs(folder: Path) -> dict[str, tuple[str, list[object], Path]]:
    """Module, arguments and output folder of each program that writes masks.

    Scans and bundles are made in `folder`: the repository's bundles, their networks exchanged for some that take
    what is bright and cost no time.
    """
    roots = stand_ins(folder / "bundles")
    (folder / "scans").mkdir()
    volume = stored(HEADERS["anisotropic"], "RAS")
    first = written(volume, folder / "scans", "nifti")
    for number in range(1, CASES):
        (folder / "scans" / f"scan{number}.nii.gz").write_bytes(first.read_bytes())
    click = [round(float(n)) for n in nib.affines.apply_affine(np.linalg.inv(volume.affine), CENTRE)]
    found: dict[str, tuple[str, list[object], Path]] = {}
    for bundle, more in (("crossover_kidney", {}), ("seqpatch_prostate", {"foreground": [click]})):
        output = folder / f"{bundle}_masks"
        given = {"dataset_dir": folder / "scans", "output_dir": output, **more}
        arguments = run_arguments("inference", configs=roots[bundle] / "configs", **given)
        found[f"{bundle}, inference"] = ("monai.bundle", arguments, output)
    at = ",".join(map(str, click))
    for ending, command in (("nii.gz", ["segment", first]), ("nrrd", ["click", first, "--at", at])):
        output = folder / f"command_{ending}"
        output.mkdir()
        found[f"patchseg {command[0]}"] = (
            "patchseg",
            [*command, "-o", output / f"mask.{ending}", "--overwrite"],
            output,
        )
    return found


def killed(folder: Path, kills: int, seed: int) -> Iterator[dict[str, Any]]:
    """Kill each program so many times, the last time run it to its end; a record of each kill.

    Every second kill comes as a mask is about to be put into its place, the others in the last half of the work.
    """
    bundles = {"PATCHSEG_BUNDLES": str(folder / "bundles")}
    for name, (module, arguments, output) in programs(folder).items():
        seconds = measured(start(arguments, folder, module, **bundles), folder)
        expected = {path.name: path.read_bytes() for path in output.iterdir()}
        for number in range(kills):
            rng = np.random.default_rng([seed, len(name), number])
            aim = (sorted(expected)[int(rng.integers(len(expected)))], 1) if number % 2 else None
            died = False
            while not died:  # it may have ended before
                for path in output.iterdir():
                    path.unlink()
                process = start(arguments, folder, module, dies_at=aim, **bundles)
                died = (
                    end(process) == -signal.SIGKILL if aim else kill_after(process, rng.uniform(0.5, 1) * seconds)
                )
            wrong = _wrong(output, expected)
            left = len(leftovers(output))
            if number == kills - 1:
                code = end(start(arguments, folder, module, **bundles))
                wrong += [f"the next run ended with code {code}"] if code else []
                wrong += [f"{missing} is missing" for missing in sorted(expected.keys() - set(_names(output)))]
                wrong += _wrong(output, expected) + [f"{path.name} was left" for path in leftovers(output)]
            yield {"program": name, "kill": number, "at": aim or "any time", "left": left, "wrong": wrong}


def _names(output: Path) -> list[str]:
    return sorted(path.name for path in output.iterdir() if not path.name.startswith("."))


def _wrong(output: Path, expected: dict[str, bytes]) -> list[str]:
    return [
        f"{name} is cut or differs" for name in _names(output) if (output / name).read_bytes() != expected[name]
    ]
