"""Air that is skipped against every pixel judged, on real slices with the shipped kidney weights.

    PATCHSEG_DATA=../shared/data python benchmarks/air.py

Without PATCHSEG_DATA on slices of a phantom. The masks have to be the same. The last line printed is one JSON
object.
"""

import json
import time
from math import prod

import fire
import torch
from figures import figures
from limit import matrix_rate, operations
from own_process import peak_rss_mb
from refined import LEAST, real_slices

from patchseg.bundles import bundle_root
from patchseg.crossover import CrossoverNet, SliceBySlice
from patchseg.errors import show_as_sentence
from patchseg.weights import load_weights


def main() -> None:
    """Time both, compare their masks, print the figures."""
    torch.set_flush_denormal(True)
    net = load_weights(CrossoverNet(), bundle_root("crossover_kidney") / "models" / "model.pt").eval()
    seconds, same, pixels = {True: 0.0, False: 0.0}, 0, 0
    boxes: list[torch.Size] = []

    def noting(image: torch.Tensor) -> torch.Tensor:
        boxes.append(image.shape)
        return net(image)

    slices = real_slices()
    with torch.inference_mode():
        for slice_ in slices:
            volume = torch.from_numpy(slice_)[None, None, ..., None].float()
            masks = []
            for skip in seconds:
                start = time.perf_counter()
                masks.append(SliceBySlice(skip)(volume, net).argmax(1))
                seconds[skip] += time.perf_counter() - start
            SliceBySlice(True)(volume, noting)
            same += int((masks[0] == masks[1]).sum())
            pixels += volume.numel()
    if same < LEAST * pixels:
        raise SystemExit(f"the mask is the same on {same / pixels:.2%} of the pixels only")
    print(f"{len(slices)} slices: {seconds[True]:.2f} s, with air {seconds[False]:.2f} s")
    more = {
        "slices": len(slices),
        "judged": round(sum(map(prod, boxes)) / pixels, 3),
        "same_mask": round(same / pixels, 6),
    }
    needed = sum(operations(CrossoverNet().to("meta"), torch.empty(box, device="meta")) for box in boxes)
    limit = needed / matrix_rate()
    ours, baseline = seconds[True], seconds[False]
    found = figures("crossover_skip_air", ours, limit, peak_rss_mb(), "torch", baseline=baseline, **more)
    print(json.dumps(found))


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
