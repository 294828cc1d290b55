"""Other methods, trained and measured on the same data as ours."""

from .click_unet import ClickUNet, ClickViewd, judge_views
from .one_branch import SQUARE_STACKS, OneBranchNet, StridedNet
from .padded import PaddedNet
from .segcaps import SegCaps
from .two_apart import TwoApartLattice, TwoApartLoss, TwoApartNet
from .whole_slice import WholeSliceInferer, dense_near_object

__all__ = [
    "SQUARE_STACKS",
    "ClickUNet",
    "ClickViewd",
    "OneBranchNet",
    "PaddedNet",
    "SegCaps",
    "StridedNet",
    "TwoApartLattice",
    "TwoApartLoss",
    "TwoApartNet",
    "WholeSliceInferer",
    "dense_near_object",
    "judge_views",
]
