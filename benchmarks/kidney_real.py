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
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import fire
from kidney_real_results import PROTOCOLS, gather

from patchseg.data import find_cases
from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file

REPOSITORY = Path(__file__).resolve().parents[1]
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
            _step(folder / "training.json", _command("training", TRAIN[method], common | settings), names)
            for protocol in PROTOCOLS:
                evaluation = folder / protocol
                settings = {"output_dir": evaluation, "protocol": protocol}
                settings |= {"checkpoint": folder / "model.pt", "split_file": folder / "split.json"}
                command = _command("evaluating", EVALUATE[method], common_evaluated | settings)
                _step(evaluation / "evaluation.json", command, names)
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


def _command(run_id: str, configs: list[str], settings: dict[str, Any]) -> list[str]:
    options = (text for key, value in settings.items() for text in (f"--{key}", str(value)))
    return ["-m", "monai.bundle", "run", run_id, "--config_file", str(configs), *options]


def _step(record: Path, command: list[str], names: dict[str, str]) -> None:
    """Run a command and write down what it was and what it took, unless the record says that it is done."""
    about = {"command": _shown(command, names), "configs": _digest(command)}
    known = json.loads(record.read_text()) if record.is_file() else about
    if {key: known[key] for key in about} != about:
        raise InputError(
            f"{record} is of another command or other configs: delete its folder or choose another output_dir."
        )
    if "process_seconds" in known:
        return
    print(about["command"], flush=True)
    unbroken = not (record.parent / "last.pt").exists()
    _write(record, about)  # before it starts: a training that was killed must not go on with other configs
    start, cpu_before = time.perf_counter(), _cpu_seconds()
    environment = {"OMP_WAIT_POLICY": "passive", "PYTHONWARNINGS": "ignore"} | os.environ
    done = subprocess.run([sys.executable, *command], cwd=REPOSITORY, env=environment)
    if done.returncode:
        sys.exit(done.returncode)
    seconds, cpu_seconds = time.perf_counter() - start, _cpu_seconds() - cpu_before
    taken = {"process_seconds": seconds, "cpu_seconds": cpu_seconds}
    _write(record, about | (taken if unbroken else dict.fromkeys(taken)))


def _write(record: Path, content: dict[str, Any]) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(record) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def _shown(command: list[str], names: dict[str, str]) -> str:
    """The command as anyone can type it in the repository, with names for the folders of this machine."""
    quoted = (f'"{word}"' if "'" in word and '"' not in word else shlex.quote(word) for word in command)
    text = " ".join(["python", *quoted])
    for path, name in sorted(names.items(), key=lambda item: -len(item[0])):
        text = text.replace(path, name)
    return text


def _digest(command: list[str]) -> str:
    """Of the configs that a command reads: a result of other hyper-parameters must not be taken for this one's."""
    files = command[command.index("--config_file") + 1]
    texts = ((REPOSITORY / file.strip(" '")).read_bytes() for file in files.strip("[]").split(","))
    return sha256(b"".join(texts)).hexdigest()[:16]


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
