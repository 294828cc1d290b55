"""A scan from file to file with the shipped weights: where the time goes, and how much memory it takes.

    python benchmarks/volume.py --kind ct [--size 512 --slices 100]
    python benchmarks/volume.py --kind mr [--size 384 --slices 30]

The scan is a built-in phantom on a larger grid: CT for crossover_kidney, MR with one click for seqpatch_prostate.
It runs in a process of its own, as `patchseg segment` and `patchseg click` run it. The last line printed is one
JSON object; `stages` holds the seconds of each stage, `network_share` the network's part of all but the start.
"""

import json
import tempfile
import time
from pathlib import Path

import fire
import nibabel as nib
import numpy as np
import torch
from figures import figures
from limit import matrix_rate, operations
from own_process import in_own_process
from scipy.ndimage import zoom

from patchseg.bundles import bundle_root
from patchseg.crossover import CrossoverNet
from patchseg.data.phantom_ct import ct_phantom
from patchseg.data.phantom_mr import mr_phantom
from patchseg.errors import InputError, show_as_sentence
from patchseg.masks import write_mask
from patchseg.runtimes import fast_runtime
from patchseg.segment import segment_scan
from patchseg.seqpatch import DIRECTIONS, EIGHT, SeqPatchNet

KINDS = {"ct": ("crossover_kidney", 512, 100), "mr": ("seqpatch_prostate", 384, 30)}
NOISE = 8  # intensities: smooth phantoms would be read from a compressed file too fast


def main(kind: str = "ct", size: int | None = None, slices: int | None = None, runtime: str | None = None) -> None:
    """Segment the phantom, print the figures.

    Args:
        kind: "ct" or "mr".
        size: rows and columns, 512 for CT and 384 for MR unless given.
        slices: 100 for CT and 30 for MR unless given.
        runtime: "torch" or "openvino"; None takes torch for CT (see `dense.py`), and for MR OpenVINO, where it is
            installed.
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}: give one of {', '.join(KINDS)}.")
    runtime = runtime or ("torch" if kind == "ct" else fast_runtime())
    bundle, usual_size, usual_slices = KINDS[kind]
    shape = (size or usual_size, size or usual_size, slices or usual_slices)
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "scan.nii.gz"
        click = write_scan(kind, shape, scan)
        (seconds, judged, extent), peak = in_own_process(segment, bundle, scan, click, runtime)
    total = sum(value for stage, value in seconds.items() if stage != "start")
    limit = needed_operations(bundle, judged, extent) / matrix_rate()
    print(", ".join(f"{stage} {value:.2f} s" for stage, value in seconds.items()) + f"; {peak} MB at most")
    name = f"volume_{kind}_{shape[0]}x{shape[1]}x{shape[2]}"
    share = round(seconds["network"] / total, 3)
    stages = {stage: round(value, 4) for stage, value in seconds.items()}
    print(json.dumps(figures(name, total, limit, peak, runtime, network_share=share, stages=stages)))


def write_scan(kind: str, shape: tuple[int, int, int], path: Path) -> list[int]:
    """A phantom with `shape` voxels over its own extent as a NIfTI file; returns a voxel in its organ's middle."""
    image, label, affine = ct_phantom(1) if kind == "ct" else mr_phantom(2)  # both stored as RAS
    factors = np.array(shape) / image.shape
    larger = zoom(image.astype(np.float32), factors, order=1, mode="nearest", grid_mode=True)
    larger += np.random.default_rng(0).integers(-NOISE, NOISE + 1, shape, dtype=np.int16)
    to_phantom = np.diag([*1 / factors, 1.0])
    to_phantom[:3, 3] = (1 / factors - 1) / 2  # the outer edges stay
    nib.save(nib.Nifti1Image(np.rint(larger).astype(np.int16), affine @ to_phantom), path)
    middle = np.argwhere(label > 0).mean(0)
    return [int(i) for i in np.floor((middle + 0.5) * factors)]


def segment(bundle: str, scan: Path, click: list[int], runtime: str) -> tuple[dict[str, float], int, list[float]]:
    """Scan to mask: seconds by stage, how many slices were judged, and the slice's two sides in mm."""
    clicks = {"foreground": [click], "background": []} if bundle.startswith("seqpatch") else None
    found = segment_scan(scan, bundle_root(bundle), clicks=clicks, runtime=runtime)
    start = time.perf_counter()
    write_mask(found.mask, found.affine, scan.with_name("mask.nii.gz"), scan)
    seconds = found.seconds | {"write": time.perf_counter() - start}
    extent = found.mask.shape[:2] * np.linalg.norm(found.affine[:3, :2], axis=0)
    judged = np.count_nonzero(found.confidence["values"]) if found.confidence else found.mask.shape[2]
    return seconds, int(judged), extent.tolist()


def needed_operations(bundle: str, judged: int, extent: list[float]) -> int:
    """Of the network: at every pixel of its grid, or on 16 rays in the clicked slice and 8 in the others."""
    config = json.loads((bundle_root(bundle) / "configs" / "inference.json").read_text())
    with torch.device("meta"):
        if bundle.startswith("crossover"):
            sides = [round(mm / config["spacing"]) for mm in extent]
            return judged * operations(CrossoverNet(), torch.empty(1, 1, *sides))
        rays = len(DIRECTIONS) + (judged - 1) * len(EIGHT)
        return rays * operations(SeqPatchNet(), torch.empty(1, config["steps"], 32, 32))


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
