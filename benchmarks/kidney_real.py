"""Cross-validation of crossover_kidney on real CT beside MONAI's BasicUNet, through `python -m monai.bundle`.

    python benchmarks/kidney_real.py --dataset_dir DIR --epochs "{'crossover': 40, 'basic_unet': 60}"

For each method and fold the bundle is trained, then the held-out cases are evaluated under both protocols.
BasicUNet is an overlay on the bundle's configs: folds, loading, grid, augmentation, batches, optimizer and
post-processing are the bundle's, the network (2D, MONAI's default features) and its loss (Dice and cross-entropy
of every pixel) its own.

Choose epochs beforehand that give both methods the same time; the seconds they took are in the results. Steps that
are complete are not repeated, and a training that was killed goes on after its last epoch.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
from kidney_real_results import PROTOCOLS, gather
from steps import REPOSITORY, bundle_command, step

from patchseg.data import find_cases
from patchseg.errors import InputError, show_as_sentence

BUNDLE, OVERLAYS = "bundles/crossover_kidney/configs", "benchmarks/configs"
TRAIN = {
    "crossover": [f"{BUNDLE}/train.json"],
    "basic_unet": [f"{BUNDLE}/train.json", f"{OVERLAYS}/basic_unet.json"],
}
EVALUATE = {
    "crossover": [f"{BUNDLE}/evaluate.json", f"{OVERLAYS}/measured.json"],
    "basic_unet": [
        f"{BUNDLE}/evaluate.json",
        f"{OVERLAYS}/basic_unet_evaluate.json",
        f"{OVERLAYS}/measured.json",
    ],
}


def main(
    dataset_dir: str,
    epochs: dict[str, int],
    output_dir: str = "runs/kidney_real",
    methods: str | Sequence[str] = ("crossover", "basic_unet"),
    folds: int = 3,
    seed: int = 0,
    overrides: dict[str, Any] | None = None,
    results: str = "results/kidney_real.json",
) -> None:
    """Train and evaluate each method on each fold and write one results file.

    Args:
        dataset_dir: a data set that crossover_kidney reads.
        epochs: of each method, as "{'crossover': 40, 'basic_unet': 60}".
        output_dir: where the runs go, METHOD/foldK/; it may hold patient images, the results file does not.
        methods: "crossover", "basic_unet" or both, separated by a comma.
        folds: parts of the cross-validation, by patient.
        seed: of the split and of the training.
        overrides: ids of train.json with other values, for every method; evaluate.json gets those it has.
        results: the file to write.
    """
    dataset, output = Path(dataset_dir).expanduser().resolve(), Path(output_dir).expanduser().resolve()
    methods = methods.split(",") if isinstance(methods, str) else list(methods)
    _check(methods, epochs, overrides)
    cases = find_cases(dataset)
    names = {str(dataset): "DATASET", str(output): "OUTPUT"}
    common = {"dataset_dir": dataset, **(overrides or {})}
    evaluated = json.loads((REPOSITORY / BUNDLE / "evaluate.json").read_text())
    common_evaluated = {key: value for key, value in common.items() if key.partition("#")[0] in evaluated}
    for fold in range(folds):
        for method in methods:  # fold by fold, so that a run cut short still compares the methods
            folder = output / method / f"fold{fold}"
            settings = {"output_dir": folder, "folds": folds, "fold": fold, "seed": seed}
            # the last epoch is what counts: a validation on the held-out cases would only take time
            settings |= {"max_epochs": epochs[method], "val_interval": epochs[method] + 1}
            step(folder / "training.json", bundle_command("training", TRAIN[method], common | settings), names)
            for protocol in PROTOCOLS:
                evaluation = folder / protocol
                settings = {"output_dir": evaluation, "protocol": protocol}
                settings |= {"checkpoint": folder / "model.pt", "split_file": folder / "split.json"}
                command = bundle_command("evaluating", EVALUATE[method], common_evaluated | settings)
                step(evaluation / "evaluation.json", command, names)
    about = {
        "dataset": dataset.name,
        "cases": len(cases),
        "patients": len({case["patient"] for case in cases}),
        "folds": folds,
        "seed": seed,
        "epochs": {method: epochs[method] for method in methods},
        "overrides": overrides or {},
    }
    print(gather(output, methods, about, Path(results)))


def _check(methods: list[str], epochs: dict[str, int], overrides: dict[str, Any] | None) -> None:
    unknown = [method for method in methods if method not in TRAIN]
    if unknown or not methods:
        raise InputError(f"methods names {unknown or 'nothing'}: choose from {', '.join(TRAIN)}.")
    if not isinstance(epochs, dict) or any(not isinstance(epochs.get(m), int) or epochs[m] < 1 for m in methods):
        raise InputError(f"epochs is {epochs}: give a whole number for each of {', '.join(methods)}.")
    if not isinstance(overrides, dict | None):
        raise InputError(f"overrides is {overrides}: give ids with their values, as \"{{'spacing': 2.0}}\".")


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
