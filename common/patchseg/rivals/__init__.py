"""Other methods, trained and measured on the same data as ours."""

from .click_unet import ClickUNet, ClickViewd, judge_views

__all__ = ["ClickUNet", "ClickViewd", "judge_views"]
