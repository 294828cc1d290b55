"""What limits one click: other ways to ask the same networks, and what the right size of the object would give.

    python benchmarks/organs.py --data ../shared/data --out runs/organs
    python benchmarks/click_limits.py

Each way gets slices and clicks as in `one_click.py` and the weights that ship with seqpatch_prostate; one of them
also asks those of seqpatch_kidney. None is part of a bundle: they show where more accuracy is not to be found.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from machine import threads, versions
from one_click import read, spread
from organs import NEVER_TRAINED, TESTED
from scipy import ndimage
from scipy.stats import wilcoxon
from steps import write_json
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from patchseg.bundles import bundle_root
from patchseg.data import find_cases
from patchseg.errors import InputError, show_as_sentence
from patchseg.precision import at_precision
from patchseg.seqpatch import ClickInferer, SeqPatchNet, judge_slices
from patchseg.seqpatch.shapes import around, dice, interior_point, touching
from patchseg.seqpatch.simulate import Click, click_in, guidance
from patchseg.seqpatch.slices import SliceAnswer, agreement
from patchseg.weights import load_weights

SIZES = (2.0, 2**0.5, 1.0, 2**-0.5, 0.5, 2**-1.5, 0.25)  # pixels of the slice looked at, per pixel of the grid
IN_USE = "as in use"
Point = tuple[int, ...]
Way = Callable[[Tensor, Point], np.ndarray]  # slice (H, W) and click to mask


def main(
    organs: str = "runs/organs",
    sets: str = ",".join(NEVER_TRAINED + TESTED),
    offsets: tuple[int, ...] = (0, 10),
    slices: int = 60,
    precision: str = "bfloat16",
    results: str = "results/click_limits.json",
) -> None:
    """Measure each way on each set and write the results file.

    Args:
        organs: folder that `organs.py` wrote.
        sets: of those in it, separated by commas.
        offsets: pixels from the object's centre to the click.
        slices: at most this many of each set, spread evenly.
        precision: "float32" or "bfloat16".
        results: the file to write.
    """
    names = sets.split(",") if isinstance(sets, str) else list(sets)
    missing = [name for name in names if not (Path(organs) / name).is_dir()]
    if missing:
        raise InputError(f"{organs} has no {missing[0]}: run benchmarks/organs.py first.")
    torch.set_flush_denormal(True)
    network, other = (_shipped(bundle, precision) for bundle in ("seqpatch_prostate", "seqpatch_kidney"))
    found = {
        name: measure(spread(find_cases(Path(organs) / name), slices), network, other, offsets, name)
        for name in names
    }
    about = {"benchmark": "click_limits", "precision": precision, "sizes": [round(size, 4) for size in SIZES]}
    write_json(Path(results), {"about": about | {"threads": threads(), "versions": versions()}, "sets": found})
    print(json.dumps({name: of_set["ways"] for name, of_set in found.items()}, indent=1))


def measure(
    cases: Sequence[dict[str, Any]], network: nn.Module, other: nn.Module, offsets: Sequence[int], what: str
) -> dict[str, Any]:
    """DSC of every slice, in every way, from one click at each offset."""
    ways = ways_to_ask(network, other)
    found: dict[str, dict[str, list[float]]] = {}
    for number, case in enumerate(tqdm(cases, desc=what, unit="slice")):
        image, label = read(case)
        for offset in offsets:
            click = click_in(label, np.random.default_rng(number), offset)
            got = {name: dice(way(image, click), label) for name, way in ways.items()}
            masks = [at_size(network, image, click, size) for size in SIZES]
            each = [dice(mask, label) for mask in masks]
            got["the size whose mask changes least"] = each[steadiest(masks)]
            got["the best size, known from the reference"] = max(each)
            for name, value in got.items():
                found.setdefault(name, {}).setdefault(str(offset), []).append(value)
    return {
        "slices": len(cases),
        "ways": {
            name: {offset: _against(of, found[IN_USE][offset]) for offset, of in by.items()}
            for name, by in found.items()
        },
    }


def ways_to_ask(network: nn.Module, other: nn.Module) -> dict[str, Way]:
    """Name of each way, and what turns a slice and a click into a mask."""
    in_use = partial(_ask, ClickInferer(), network)

    def again(image: Tensor, click: Point) -> np.ndarray:
        mask = in_use(image, click)
        return in_use(image, tuple(round(n) for n in interior_point(mask))) if mask.any() else mask

    def both(ask: Callable[..., Tensor], *given: Any) -> SliceAnswer:
        return _mean([judge_slices(ask, *given), judge_slices(other, *given)])

    return {
        IN_USE: in_use,
        "once more, from the middle of the mask": again,
        "mean of the slice and its mirror image": partial(_ask, ClickInferer(judge=_mirrored), network),
        "mean of three sizes": partial(_ask, ClickInferer(judge=_three_sizes), network),
        "mean of both bundles' networks": partial(_ask, ClickInferer(judge=both), network),
    }


def at_size(network: nn.Module, image: Tensor, click: Point, size: float) -> np.ndarray:
    """The mask (H, W) from looking at the slice `size` times as large."""
    with torch.no_grad():
        answer = _judge_at(size, network, image[None], torch.tensor([click]))
    mask = answer.probability[0].numpy() > 0.5
    return ndimage.binary_fill_holes(touching(mask, around([click], 3, mask.shape)))


def steadiest(masks: Sequence[np.ndarray]) -> int:
    """Which of the masks of neighbouring sizes is most like its neighbours: an outline that is really there stays.

    >>> square = np.zeros((9, 9), bool)
    >>> square[2:6, 2:6] = True
    >>> steadiest([~square, square, square, square, ~square])
    2
    """
    beside = [dice(one, following) for one, following in pairwise(masks)]
    return int(np.argmax([np.mean(beside[max(i - 1, 0) : i + 1]) for i in range(len(masks))]))


def _ask(inferer: ClickInferer, network: nn.Module, image: Tensor, click: Point) -> np.ndarray:
    inputs = torch.cat([image[None], guidance([Click(click)], image.shape)])[None]
    with torch.no_grad():
        return inferer(inputs, network)[0, 0].numpy() > 0.5


def _judge_at(
    size: float, network: Callable[..., Tensor], images: Tensor, clicks: Tensor, *given: int
) -> SliceAnswer:
    """`judge_slices` on slices (N, H, W) `size` times as large, its answer on their own grid."""
    shape = images.shape[-2:]
    scaled = F.interpolate(images[:, None], scale_factor=size, mode="bilinear", antialias=size < 1)[:, 0]
    last = torch.tensor(scaled.shape[-2:]) - 1
    answer = judge_slices(network, scaled, ((clicks + 0.5) * size - 0.5).clamp(min=0).minimum(last), *given)
    probability = F.interpolate(answer.probability[:, None], shape, mode="bilinear")[:, 0]
    return SliceAnswer(probability, answer.confidence)


def _three_sizes(network: Callable[..., Tensor], *given: Any) -> SliceAnswer:
    return _mean([_judge_at(size, network, *given) for size in SIZES[1:4]])


def _mirrored(network: Callable[..., Tensor], images: Tensor, clicks: Tensor, *given: int) -> SliceAnswer:
    there = torch.stack([clicks[:, 0], images.shape[-1] - 1 - clicks[:, 1]], 1)
    mirrored = judge_slices(network, images.flip(-1), there, *given)
    return _mean(
        [
            judge_slices(network, images, clicks, *given),
            mirrored._replace(probability=mirrored.probability.flip(-1)),
        ]
    )


def _mean(answers: Sequence[SliceAnswer]) -> SliceAnswer:
    probability = torch.stack([answer.probability for answer in answers]).mean(0)
    return SliceAnswer(probability, agreement(probability))


def _against(values: Sequence[float], in_use: Sequence[float]) -> dict[str, float | None]:
    """Mean DSC, and the p of a paired test against what is in use; None where nothing differs."""
    differ = np.subtract(values, in_use)
    p = float(wilcoxon(differ).pvalue) if differ.any() else None
    return {"mean": round(float(np.mean(values)), 4), "p": p and float(f"{p:.2g}")}


def _shipped(bundle: str, precision: str) -> nn.Module:
    network = load_weights(SeqPatchNet(), bundle_root(bundle) / "models" / "model.pt").eval()
    return at_precision(network, precision)


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
