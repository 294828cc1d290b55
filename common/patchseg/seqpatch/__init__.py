"""Sequential patches: rays from a click, the network that reads them, and what follows from its answers."""

from .confidence import ConfidencePerSliced
from .inferer import ClickInferer
from .network import SeqPatchNet
from .rays import DIRECTIONS, EIGHT, extract_patches, patch_centres, stitch_patches
from .sampling import RandObjectSliced, RandObjectViewd, RandOnePartd, RayPatchesd
from .simulate import SimulateClickd
from .slices import SliceAnswer, judge_carried, judge_slices, normalise_around

__all__ = [
    "DIRECTIONS",
    "EIGHT",
    "ClickInferer",
    "ConfidencePerSliced",
    "RandObjectSliced",
    "RandObjectViewd",
    "RandOnePartd",
    "RayPatchesd",
    "SeqPatchNet",
    "SimulateClickd",
    "SliceAnswer",
    "extract_patches",
    "judge_carried",
    "judge_slices",
    "normalise_around",
    "patch_centres",
    "stitch_patches",
]
