"""Other methods, trained and measured on the same data as ours."""

from .click_unet import ClickUNet, ClickViewd, judge_views
from .whole_slice import WholeSliceInferer, dense_near_object

__all__ = ["ClickUNet", "ClickViewd", "WholeSliceInferer", "dense_near_object", "judge_views"]
