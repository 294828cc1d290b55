"""What the box alone tells of a breast lesion: the ellipse inscribed in it, against the reference.

    python benchmarks/organs.py --data ../shared/data --out runs/organs
    python benchmarks/box_ellipse.py

Networks that judge the inside of a box around a lesion have been told where it is and how large. This is what such
a box is worth without looking at the image: the figure that they have to beat. The images held out are those of
`reproduce.py --task breast`.
"""

import json
from pathlib import Path
from statistics import fmean, median, stdev

import fire
import numpy as np
from machine import versions
from PIL import Image
from scipy import ndimage

from patchseg.data import find_cases, split_cases
from patchseg.errors import show_as_sentence
from patchseg.files import whole_file
from patchseg.seqpatch.shapes import dice

FOLDS, SEEDS = 3, (0, 1, 2)  # as in reproduce.py


def main(organs: str = "runs/organs", results: str = "results/breast_ellipse.json") -> None:
    """Measure and write the results file.

    Args:
        organs: folder that `organs.py` wrote.
        results: the file to write.
    """
    cases = find_cases(Path(organs) / "breast_ultrasound")
    reached = {case["name"]: _reached(np.asarray(Image.open(case["label"])) > 0) for case in cases}
    folds = {seed: split_cases(cases, folds=FOLDS, fold=0, seed=seed)["validate"] for seed in SEEDS}
    held_out = {seed: [reached[case["name"]] for case in chosen] for seed, chosen in folds.items()}
    content = {
        "about": {"benchmark": "breast_ellipse", "data": "Breast lesions in ultrasound", "versions": versions()},
        "all": _summary(list(reached.values())),
        "held_out": {str(seed): _summary(values) for seed, values in held_out.items()},
    }
    with whole_file(Path(results)) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    print(results)


def _reached(mask: np.ndarray) -> float:
    return dice(ellipse_in_box(mask), mask)


def ellipse_in_box(mask: np.ndarray) -> np.ndarray:
    """The ellipse inscribed in the box around a mask (H, W) bool.

    >>> ellipse_in_box(np.pad(np.ones((3, 5), bool), 1)).astype(int)
    array([[0, 0, 0, 0, 0, 0, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 1, 1, 1, 1, 1, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 0, 0, 0, 0, 0, 0]])
    """
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    sides = [(side.start, side.stop) for side in box]
    away = [
        (axis - (first + last - 1) / 2) / ((last - first) / 2)
        for axis, (first, last) in zip(np.ogrid[: mask.shape[0], : mask.shape[1]], sides, strict=True)
    ]
    return away[0] ** 2 + away[1] ** 2 <= 1


def _summary(values: list[float]) -> dict[str, float]:
    return {
        "images": len(values),
        "dsc": round(fmean(values), 4),
        "sd": round(stdev(values), 4),
        "median": round(median(values), 4),
    }


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
