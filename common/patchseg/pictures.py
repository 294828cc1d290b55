"""Overlays and curves as PNG files; arrays are (row, column), row 0 at the top."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from monai.data import MetaTensor
from monai.transforms import Orientation, SpatialResample

from patchseg.errors import InputError
from patchseg.files import read_log, whole_file

# blue and orange of the Okabe-Ito palette: told apart with every kind of colour blindness, and from grey
REFERENCE, PREDICTION = "#56B4E9", "#E69F00"
ACROSS = (("L", "R"), ("P", "A"), ("I", "S"))


class Panel(NamedTuple):
    """One slice to draw: `image`, `reference` and `prediction` are (row, column) arrays of one shape.

    The masks may hold several structures by number. `aspect` is the height of a pixel over its width in mm.
    """

    image: np.ndarray
    reference: np.ndarray | None
    prediction: np.ndarray | None
    title: str
    aspect: float = 1.0


def radiological(volume: MetaTensor) -> MetaTensor:
    """A volume (1, X, Y, Z) stored in any orientation as (1, rows, columns, slices) for display.

    Rows run from anterior to posterior, columns from the patient's right to left, slices upward; an oblique
    volume goes to the nearest axes, without interpolation.
    """
    return Orientation(axcodes="PLS", labels=ACROSS)(volume)


def display_slice(volume: MetaTensor, index: int) -> np.ndarray:
    """Slice `index` (from the patient's feet up) of a volume (1, X, Y, Z), as (row, column) for display.

    >>> volume = MetaTensor(torch.zeros(1, 4, 5, 3), affine=torch.diag(torch.tensor([1.0, 1, 2, 1])))  # RAS
    >>> volume[0, 3, 4, 1] = 1  # the patient's right, anterior: the upper left corner of the picture
    >>> picture = display_slice(volume, 1)
    >>> picture.shape, [int(i) for i in np.argwhere(picture)[0]]
    ((5, 4), [0, 0])
    """
    return radiological(volume)[0, :, :, index].cpu().numpy()


def largest_slice(mask: MetaTensor) -> int:
    """The display slice with most foreground in a mask (1, X, Y, Z); the middle one when there is none."""
    areas = (radiological(mask)[0] != 0).sum(dim=(0, 1))
    return int(areas.argmax()) if bool(areas.any()) else len(areas) // 2


def panel(image: MetaTensor, label: MetaTensor, pred: MetaTensor, title: str) -> Panel:
    """The slice with the largest reference area (predicted area where there is no reference).

    Args:
        image: (1, X, Y, Z) on any grid; it is brought to the label's by the affines, that slice alone.
        label: reference mask (1, X, Y, Z).
        pred: predicted mask on the label's grid.
        title: text above the picture.
    """
    index = largest_slice(label if bool(label.any()) else pred)
    grid = radiological(label)
    rows, columns, _ = grid.shape[1:]
    at_slice = torch.eye(4, dtype=torch.float64)
    at_slice[2, 3] = index
    resample = SpatialResample(mode="bilinear", padding_mode="border", align_corners=False)
    affine = torch.as_tensor(grid.affine, dtype=torch.float64, device="cpu") @ at_slice
    picture = resample(image.detach().cpu().float(), dst_affine=affine, spatial_size=(rows, columns, 1))
    height, width, _ = grid.pixdim.tolist()
    return Panel(
        picture[0, :, :, 0].numpy(),
        display_slice(label, index),
        display_slice(pred, index),
        title,
        height / width,
    )


def overlay(
    image: np.ndarray,
    reference: np.ndarray | None = None,
    prediction: np.ndarray | None = None,
    title: str = "",
    aspect: float = 1.0,
) -> np.ndarray:
    """One slice in grey with the outlines of reference (blue) and prediction (orange), as (H, W, 3) uint8.

    >>> overlay(np.zeros((20, 20)), title="empty").shape
    (400, 400, 3)
    """
    figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw_panel(figure.subplots(), Panel(image, reference, prediction, title, aspect))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def montage(panels: Sequence[Panel], path: str | Path, columns: int = 3) -> Path:
    """Write several slices with a legend as one PNG, `columns` side by side, and return its path.

    Raises:
        InputError: there is nothing to draw.
    """
    if not panels:
        raise InputError(f"{path} would be an empty picture: give at least one slice.")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.8 * rows + 0.4), dpi=100, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, one in zip(axes, panels, strict=False):
        draw_panel(axis, one)
    names = {"reference": REFERENCE, "prediction": PREDICTION}
    lines = [Line2D([], [], color=colour, label=name) for name, colour in names.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, frameon=False)
    return save_figure(figure, path, "; ".join(one.title for one in panels))


def draw_panel(axis: Axes, one: Panel) -> None:
    """Draw a slice in grey and the outlines of its masks."""
    low, high = np.percentile(one.image, (1, 99))
    if low == high:
        low, high = float(one.image.min()), float(one.image.max()) + 1e-6
    axis.imshow(one.image, cmap="gray", vmin=low, vmax=high, aspect=one.aspect, interpolation="nearest")
    # the prediction thinner and on top: where the two agree both stay visible
    for mask, colour, width in ((one.reference, REFERENCE, 2.4), (one.prediction, PREDICTION, 1.2)):
        for number in np.unique(mask[mask != 0]) if mask is not None and min(mask.shape) > 1 else ():
            axis.contour(np.asarray(mask) == number, levels=[0.5], colors=[colour], linewidths=width)
    axis.set_title(one.title, fontsize=9)
    axis.set_axis_off()


def curves(log: str | Path, path: str | Path) -> Path:
    """Draw the loss and the validation Dice of a training log (JSON lines of TrainingLog) against the epoch.

    Raises:
        InputError: the log is missing or empty.
    """
    lines = [line for _, line in sorted(read_log(log).items())]
    if not lines:
        raise InputError(f"{log} holds no epoch: train first, then draw its curves.")
    figure = Figure(figsize=(9, 3.2), dpi=110, layout="constrained")
    losses, dice = figure.subplots(1, 2)
    wanted = (
        (losses, "loss", "training loss", PREDICTION),
        (dice, "val_mean_dice", "validation Dice", REFERENCE),
    )
    for axis, key, title, colour in wanted:
        known = [(line["epoch"], line[key]) for line in lines if line.get(key) is not None]
        if known:
            axis.plot(*zip(*known, strict=True), color=colour, marker="o" if len(known) < 40 else "", markersize=3)
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
    dice.set_ylim(0, 1)
    return save_figure(figure, path)


def save_figure(figure: Figure, path: str | Path, title: str = "") -> Path:
    """Write a figure as PNG, all or nothing; the title goes into the file, for whoever embeds it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure)
    with whole_file(path) as temporary:
        figure.savefig(temporary, metadata={"Title": title} if title else None)
    return path
