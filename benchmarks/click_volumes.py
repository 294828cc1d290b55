"""From one click to a whole volume, and what corrective clicks add: a simulated user on real volumes.

    python benchmarks/click_volumes.py --data ../shared/data --checkpoint bundles/seqpatch_prostate/models/model.pt

The user clicks in the middle of the object, in the slice that shows most of it; then, again and again, in the
middle of the largest error that any slice shows. Volumes go through the bundle's own preprocessing and inferer.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch
from machine import threads, versions
from monai.bundle import ConfigParser
from tqdm import tqdm

from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file
from patchseg.metrics import dice
from patchseg.metrics_prostate import promise12_measures
from patchseg.seqpatch import judge_slices
from patchseg.seqpatch.curves import correction_curves
from patchseg.seqpatch.simulate import Click, guidance, simulate_user

CONFIG = Path(__file__).resolve().parents[1] / "bundles" / "seqpatch_prostate" / "configs" / "evaluate.json"
VOLUMES = {
    "prostatex0000": ("prostate/prostatex0000_image.nii.gz", "prostate/prostatex0000_label.nii.gz"),
    "promise12_case0": ("prostate/promise12_case0_image.nii.gz", "prostate/promise12_case0_label.nii.gz"),
}


def main(
    data: str,
    checkpoint: str,
    clicks: int = 5,
    atria: int = 3,
    precision: str = "float32",
    every_ray: bool = False,
    results: str = "results/click_volumes.json",
) -> None:
    """Measure and write the results file, with a picture of the curves beside it.

    Args:
        data: folder with prostate and left_atrium.
        checkpoint: weights of `SeqPatchNet`.
        clicks: how many the user gives at most.
        atria: how many of the left atria to take, besides both prostates.
        precision: "float32" or "bfloat16".
        every_ray: carried slices are read by sixteen rays of full length, as clicked ones are.
        results: the file to write.
    """
    folder = Path(data).expanduser()
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist; give the folder that holds the data sets.")
    torch.set_flush_denormal(True)
    parser = ConfigParser()
    parser.read_config(CONFIG)
    parser.update({"checkpoint": checkpoint, "precision": precision, "label_values": list(range(256))})
    parser["organ_labels"] = list(range(1, 256))  # the prostate's zones together
    volumes = dict(VOLUMES)
    for path in sorted((folder / "left_atrium").glob("*_la.nii.gz"))[:atria]:
        name = path.name.removesuffix("_la.nii.gz")
        volumes[f"left_atrium_{name}"] = (f"left_atrium/{name}.nii.gz", f"left_atrium/{path.name}")
    found = {}
    for name, (image, label) in tqdm(volumes.items(), unit="volume"):
        found[name] = measure(
            parser, {"image": str(folder / image), "label": str(folder / label)}, clicks, every_ray
        )
    content = {
        "about": {
            "benchmark": "click_volumes",
            "checkpoint": Path(checkpoint).name,
            "precision": precision,
            "carried_rays": 16 if every_ray else 8,
            "threads": threads(),
            "versions": versions(),
        },
        "volumes": found,
    }
    path = Path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    dsc, seconds = ([values[measure] for values in found.values()] for measure in ("dsc", "seconds"))
    correction_curves({"simulated user": dsc}, {"simulated user": seconds}, path.with_suffix(".png"))
    for name, values in found.items():
        print(f"{name:36} dsc {values['dsc']}  seconds {values['seconds']}")
    print(path)


def measure(parser: ConfigParser, case: dict[str, str], clicks: int, every_ray: bool = False) -> dict[str, Any]:
    """DSC on the file's own grid after each click, and the seconds each answer took."""
    load = parser.get_parsed_content("loading") + parser.get_parsed_content("to_grid")
    record: dict[str, Any] = dict(case)
    for transform in load:
        record = transform(record)
    image, label = record["image"], record["grid_label"][0].numpy()
    network, inferer = parser.get_parsed_content("network").eval(), parser.get_parsed_content("inferer")
    if every_ray:
        inferer.judge_carried = lambda *given: judge_slices(*given[:-1])  # whatever the reach
    masks = []

    def segment(given: Sequence[Click]) -> np.ndarray:
        inputs = torch.cat([image.as_tensor(), guidance(given, label.shape)])[None]
        masks.append(inferer(inputs, network)[0, 0].numpy() > 0.5)
        return masks[-1]

    answers = simulate_user(segment, label, clicks)
    first = torch.from_numpy(masks[0])[None]
    truth = torch.from_numpy(label > 0)[None]
    measures = promise12_measures(first, truth, image.affine)
    return {
        "slices": int(label.any((0, 1)).sum()),
        "dsc": [round(answer.dsc, 4) for answer in answers],
        "seconds": [round(answer.seconds, 2) for answer in answers],
        "first_click": {name: round(float(value), 3) for name, value in measures.items()},
        "dsc_first_click": round(float(dice(first[0], truth[0])), 4),
    }


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
