"""The programs of seqpatch_prostate, with a network small enough to train in seconds."""

import functools
import json
import sys
from pathlib import Path

import monai.bundle

sys.path.insert(0, str(Path(__file__).parents[1]))
from program import REPOSITORY, run_arguments

from patchseg.errors import input_error_in
from patchseg.seqpatch import SeqPatchNet

BUNDLE = REPOSITORY / "bundles" / "seqpatch_prostate"
CONFIGS = BUNDLE / "configs"

# The rays end 32 pixels from the click, which is enough for the tiny glands.
TINY = {"spacing": 1.0, "steps": 4, "recurrence": ["bottom"], "network_def#channels": [8, 8, 8]}
# Glands stay bright (augmentation 4 would invert them): twenty-four steps learn that much and no more.
TRAINING = {
    **TINY,
    "augmentation#4#prob": 0.0,
    "radius": [7, 12],
    "synthetic_share": 0.1,
    "folds": 3,
    "max_epochs": 4,
    "val_interval": 2,
    "slices_per_epoch": 12,
    "batch_size": 2,
    "learning_rate": 0.02,
}

click_arguments = functools.partial(run_arguments, configs=CONFIGS)


def tiny_network() -> SeqPatchNet:
    """The network that TINY describes."""
    return SeqPatchNet(recurrence=TINY["recurrence"], channels=TINY["network_def#channels"])


def run_here(config: str, **settings: object) -> None:
    """Run a config in this process, as `monai.bundle run` does."""
    given = {key: str(value) if isinstance(value, Path) else value for key, value in settings.items()}
    monai.bundle.run(config_file=str(CONFIGS / f"{config}.json"), logging_file=False, **given)


def sentence(config: str, **settings: object) -> str:
    """The sentence with which a run in this process ends."""
    try:
        run_here(config, **settings)
    except Exception as error:
        wrong = input_error_in(error)
        if wrong is None:
            raise
        return str(wrong)
    raise AssertionError(f"{config} ran to its end with {settings}")


def results(folder: Path) -> dict:
    """What an evaluation wrote, without the times, which differ from run to run."""
    found = json.loads((folder / "results.json").read_text())
    for part in (*found["cases"], *found["patients"], *found["summary"].values()):
        if isinstance(part, dict):
            part.pop("seconds", None)
    return found
