"""Crossover-Net: network, loss, pixel sampling and the paper's test protocol."""

from .lattice import InterpolatedLattice, LatticeNet, patch_pairs
from .loss import CrossoverLoss
from .network import CrossoverNet, CrossoverOutput
from .patches import cross_patches
from .protocol import AnatomicalRegiond, EveryThirdPixel, KeepRegiond
from .refine import RefinedLattice
from .sampling import SamplePixelsd, pixel_weights
from .slice_by_slice import SliceBySlice
from .stacks import STACKS, constraint_window, receptive_region
from .standardised import standardised

__all__ = [
    "STACKS",
    "AnatomicalRegiond",
    "CrossoverLoss",
    "CrossoverNet",
    "CrossoverOutput",
    "EveryThirdPixel",
    "InterpolatedLattice",
    "KeepRegiond",
    "LatticeNet",
    "RefinedLattice",
    "SamplePixelsd",
    "SliceBySlice",
    "constraint_window",
    "cross_patches",
    "patch_pairs",
    "pixel_weights",
    "receptive_region",
    "standardised",
]
