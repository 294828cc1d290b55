"""The programs of seqpatch_prostate, with a network small enough to train in seconds."""

import functools
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import in_process
from program import REPOSITORY, run_arguments

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
run_here = functools.partial(in_process.run, "seqpatch_prostate")
sentence = functools.partial(in_process.sentence, "seqpatch_prostate")


def tiny_network() -> SeqPatchNet:
    """The network that TINY describes."""
    return SeqPatchNet(recurrence=TINY["recurrence"], channels=TINY["network_def#channels"])


def results(folder: Path) -> dict:
    """What an evaluation wrote, without the times, which differ from run to run."""
    found = json.loads((folder / "results.json").read_text())
    for part in (*found["cases"], *found["patients"], *found["summary"].values()):
        if isinstance(part, dict):
            part.pop("seconds", None)
    return found
