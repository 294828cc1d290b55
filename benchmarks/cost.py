"""What one scan costs with each bundle, from file to file: seconds and memory, in torch and in OpenVINO.

    python benchmarks/cost.py [--only crossover_kidney] [--threads 2]

Scans are built-in phantoms of a usual size; time does not depend on what they show, but for click bundles, which
follow their object. Each scan runs in a process of its own, as `patchseg segment` and `patchseg click` run it. A
bundle without weights is timed with untrained ones.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import fire
import nibabel as nib
import numpy as np
from card_cases import configured
from machine import processor, versions
from monai.transforms import KeepLargestConnectedComponent
from own_process import in_own_process
from tqdm import tqdm
from volume import write_scan

from patchseg.bundles import bundle_root
from patchseg.data.phantom_ct import ct_phantom
from patchseg.data.phantom_mr import mr_phantom
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file
from patchseg.masks import write_mask
from patchseg.runtimes import RUNTIMES
from patchseg.segment import segment_scan
from patchseg.weights import save_weights


class Scan(NamedTuple):
    """A phantom of `kind` ("ct" or "mr") with `shape` voxels, or of it the slice that shows most of an organ."""

    what: str
    kind: str
    shape: tuple[int, int, int]
    one_slice: bool = False


CT, MR = (512, 512, 40), (384, 384, 30)
HEART = (256, 256, 12)  # the extent of a CT is also that of a short-axis MR; what it shows takes no time
SCANS = {
    "crossover_kidney": (Scan("one slice", "ct", CT, True), Scan("volume", "ct", CT)),
    "crossover_cardiac": (Scan("one slice", "ct", HEART, True), Scan("volume", "ct", HEART)),
    "crossover_myocardium": (Scan("one slice", "ct", HEART, True), Scan("volume", "ct", HEART)),
    "crossover_breast": (Scan("one cut-out", "ct", CT, True),),
    "seqpatch_prostate": (Scan("one click, one slice", "mr", MR, True), Scan("one click, volume", "mr", MR)),
    "seqpatch_kidney": (Scan("one click, one slice", "ct", CT, True), Scan("one click, volume", "ct", CT)),
}


def main(only: str = "", threads: int = 2, out: str = "results/cost.json") -> None:
    """Measure and write the results file, on an idle machine.

    Args:
        only: bundles whose name contains this; the others keep what the file says of them.
        threads: of torch and of OpenVINO.
        out: the file to write.
    """
    wanted = [(bundle, scan) for bundle, scans in SCANS.items() if only in bundle for scan in scans]
    if not wanted:
        raise InputError(f"only is {only!r}: give a part of one of {', '.join(SCANS)}.")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["OMP_WAIT_POLICY"] = "passive"
    path = Path(out)
    known = json.loads(path.read_text())["measured"] if path.is_file() else []
    found = [line for line in known if only not in line["bundle"]]
    runtimes = RUNTIMES if find_spec("openvino") else RUNTIMES[:1]
    bar = tqdm([(bundle, scan, runtime) for bundle, scan in wanted for runtime in runtimes], unit="scan")
    for bundle, scan, runtime in bar:
        bar.set_description(f"{bundle}, {scan.what}, {runtime}")
        with tempfile.TemporaryDirectory() as folder:
            found.append(measured(bundle, scan, runtime, Path(folder)))
    order = list(SCANS)
    found.sort(key=lambda line: order.index(line["bundle"]))  # a stable sort: scans stay as above
    about = {"benchmark": "cost", "processor": processor(), "threads": threads, "versions": versions()}
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps({"about": about, "measured": found}, indent=1) + "\n")
    print(path)


def measured(bundle: str, scan: Scan, runtime: str, folder: Path) -> dict[str, Any]:
    """One line of the results: a scan through a bundle, in a process of its own."""
    root, trained = _with_weights(bundle, folder)
    path, click = _written(scan, folder)
    clicks = {"foreground": [click], "background": []} if bundle.startswith("seqpatch") else None
    (start, seconds, slices), peak = in_own_process(segment, root, path, clicks, runtime, time.time())
    return {
        "bundle": bundle,
        "scan": scan.what,
        "shape": [*scan.shape[:2], 1 if scan.one_slice else scan.shape[2]],
        "runtime": runtime,
        "trained": trained,
        "start_s": round(start, 2),
        "seconds": round(seconds, 2),
        "slices": slices,
        "peak_rss_mb": peak,
    }


def segment(
    root: Path, scan: Path, clicks: dict[str, Sequence[Sequence[int]]] | None, runtime: str, asked: float
) -> tuple[float, float, int]:
    """Seconds from `asked` until the weights are loaded, seconds from file to mask, and slices judged."""
    imported = time.time() - asked
    found = segment_scan(scan, root, clicks=clicks, runtime=runtime)
    start = time.perf_counter()
    write_mask(found.mask, found.affine, scan.with_name("mask.nii.gz"), scan)
    loaded = found.seconds.pop("start")
    total = sum(found.seconds.values()) + time.perf_counter() - start
    judged = np.count_nonzero(found.confidence["values"]) if found.confidence else found.mask.shape[2]
    return imported + loaded, total, int(judged)


def _with_weights(bundle: str, folder: Path) -> tuple[Path, bool]:
    """The bundle's folder, or where it has no weights a copy with untrained ones; and whether they are trained."""
    root = bundle_root(bundle)
    if (root / "models" / "model.pt").is_file():
        return root, True
    shutil.copytree(root / "configs", folder / bundle / "configs")
    save_weights(configured(bundle, {}).get_parsed_content("network_def"), folder / bundle / "models" / "model.pt")
    return folder / bundle, False


def _written(scan: Scan, folder: Path) -> tuple[Path, list[int]]:
    """The scan as a file, and a voxel in the middle of its largest organ."""
    path = folder / "scan.nii.gz"
    write_scan(scan.kind, scan.shape, path)
    _, label, _ = ct_phantom(1) if scan.kind == "ct" else mr_phantom(2)  # what write_scan wrote
    organ = np.asarray(KeepLargestConnectedComponent()(label[None] > 0))[0] > 0
    level = int(organ.sum((0, 1)).argmax())
    place = np.array([*np.argwhere(organ[..., level]).mean(0), level])
    voxel = [int(i) for i in np.floor((place + 0.5) * scan.shape / label.shape)]
    if not scan.one_slice:
        return path, voxel
    one = folder / "slice.nii.gz"
    nib.save(nib.load(path).slicer[:, :, voxel[2] : voxel[2] + 1], one)
    return one, [*voxel[:2], 0]


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
