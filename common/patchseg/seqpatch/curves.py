"""What a click is worth, as curves: Dice against the error of the click, and against the number of clicks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from patchseg.errors import InputError
from patchseg.pictures import PREDICTION, REFERENCE, save_figure

COLOURS = (PREDICTION, REFERENCE, "#009E73", "#D55E00", "#CC79A7")  # of the Okabe-Ito palette


def offset_curves(lines: Mapping[str, Mapping[float, Sequence[float]]], path: str | Path) -> Path:
    """Draw Dice against the offset of the click (Sequential patches, Fig. 8) and return the picture's path.

    Args:
        lines: for each method, offset in pixels -> the Dice of every case. The line is the mean; the band holds
            the middle half of the cases.
        path: PNG to write.

    Raises:
        InputError: there is nothing to draw.
    """
    figure = Figure(figsize=(5.6, 3.8), dpi=110, layout="constrained")
    axis = figure.subplots()
    for colour, (method, by_offset) in _in_colours(lines, path):
        offsets = sorted(by_offset)
        _line(axis, offsets, [by_offset[offset] for offset in offsets], method, colour)
    axis.set(xlabel="click off the middle, pixels", ylabel="Dice", ylim=(0, 1))
    _finish(axis)
    return save_figure(figure, path, "Dice against the offset of the click")


def correction_curves(
    dice: Mapping[str, Sequence[Sequence[float]]],
    seconds: Mapping[str, Sequence[Sequence[float]]],
    path: str | Path,
) -> Path:
    """Draw Dice, and the seconds waited, against the number of clicks; return the picture's path.

    Args:
        dice: for each method, of every case the Dice after one, two, ... clicks. A case that needed fewer
            clicks than others keeps its last Dice.
        seconds: likewise, how long each click took; a click that was not needed counts nowhere.
        path: PNG to write.

    Raises:
        InputError: there is nothing to draw.
    """
    figure = Figure(figsize=(9, 3.8), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    for colour, (method, cases) in _in_colours(dice, path):
        clicks = range(1, max(map(len, cases)) + 1)
        _line(left, clicks, [[case[:n][-1] for case in cases] for n in clicks], method, colour)
    for colour, (method, cases) in _in_colours(seconds, path):
        clicks = range(1, max(map(len, cases)) + 1)
        _line(right, clicks, [[case[n - 1] for case in cases if n <= len(case)] for n in clicks], method, colour)
    left.set(xlabel="clicks", ylabel="Dice", ylim=(0, 1))
    right.set(xlabel="click", ylabel="seconds")
    right.set_ylim(bottom=0)
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
        _finish(axis)
    return save_figure(figure, path, "Dice, and seconds waited, against the number of clicks")


def _in_colours(lines: Mapping[str, Any], path: str | Path) -> list[tuple[str, tuple[str, Any]]]:
    if not lines or not all(lines.values()):
        raise InputError(f"{path} would be an empty picture: give every method at least one case.")
    return [(COLOURS[n % len(COLOURS)], line) for n, line in enumerate(lines.items())]


def _line(axis: Axes, x: Sequence[float], values: Sequence[Sequence[float]], name: str, colour: str) -> None:
    """The mean of the values at each x, and a band from their lower to their upper quartile."""
    axis.plot(x, [np.mean(v) for v in values], color=colour, marker="o", markersize=4, label=name)
    quartiles = np.array([np.percentile(v, (25, 75)) for v in values])
    axis.fill_between(x, quartiles[:, 0], quartiles[:, 1], color=colour, alpha=0.2, lw=0)


def _finish(axis: Axes) -> None:
    axis.set_title("mean, and the middle half of the cases", fontsize=8, loc="left")
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
