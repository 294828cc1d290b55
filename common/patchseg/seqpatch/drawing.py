"""One picture that shows how a click becomes an outline: rays, patches, answers, result."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from torch import Tensor

from patchseg.errors import InputError
from patchseg.pictures import PREDICTION, REFERENCE, Panel, draw_panel, save_figure

from .network import PATCH
from .rays import BEFORE, DIRECTIONS, extract_patches, patch_centres
from .slices import judge_slices, normalise_around

RAY, CLICK = "#F0E442", "#D55E00"  # yellow and vermillion of the Okabe-Ito palette
SHOWN = 8  # patches of a ray in the strip
MARGIN = 6  # pixels of picture around the outermost patches


def draw_rays(
    image: np.ndarray,
    click: tuple[float, float],
    network: Callable[[Tensor], Tensor],
    path: str | Path,
    steps: int = 8,
    stride: int = 4,
    ray: int = 2,
    reference: np.ndarray | None = None,
    result: np.ndarray | None = None,
) -> Path:
    """Write a picture that explains the method on one slice (Sequential patches, Fig. 1), and return its path.

    Above: the slice with the click, its sixteen rays and the patches of one of them; the mean of all answers;
    the outline that follows. Below: that ray's patches from the inside to the outside, and what the network says
    of each. Of a long sequence eight patches are shown, evenly chosen, the first and the last among them.

    Args:
        image: (H, W) slice on the network's grid, any scale.
        click: row and column.
        network: (rays, T, 32, 32) -> logits of that shape, on the CPU.
        path: PNG to write.
        steps, stride: patches per ray and pixels between them, as in `judge_slices`.
        ray: which of the sixteen `DIRECTIONS` to unroll.
        reference: (H, W) mask to outline beside the result.
        result: (H, W) mask to outline, for an inferer that refines; None takes where the mean exceeds one half.

    Raises:
        InputError: the click is not in the image.
    """
    rows, columns = image.shape
    if not (0 <= round(click[0]) < rows and 0 <= round(click[1]) < columns):
        raise InputError(f"the click {click} lies outside the slice of {rows} x {columns} pixels: click inside.")
    pixels, clicks = torch.as_tensor(image, dtype=torch.float32)[None], torch.tensor([click])
    centres = patch_centres(clicks, steps, stride)
    with torch.no_grad():
        probability = judge_slices(network, pixels, clicks, steps, stride).probability[0].numpy()
        patches = extract_patches(normalise_around(pixels, clicks, steps * stride), centres)[0, ray]
        answers = torch.sigmoid(network(patches[None])[0].float()).numpy()
    shown = np.unique(np.linspace(0, steps - 1, SHOWN).round().astype(int))
    colours = colormaps["plasma"](np.linspace(0.3, 0.95, len(shown)))
    result = probability > 0.5 if result is None else result

    low, high = _covered(centres.reshape(-1, 2).numpy(), image.shape)
    tall, wide = high - low
    heights = (min(4 * tall / wide, 5) + 0.4, 3.2)
    figure = Figure(figsize=(12, sum(heights)), dpi=110, layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=heights)
    with_rays, mean, outline = above.subplots(1, 3)
    draw_panel(with_rays, Panel(image, None, None, "one click, sixteen rays, the patches of one ray"))
    show_rays(with_rays, clicks[0].tolist(), centres[0].numpy(), ray, shown, colours)
    mean.imshow(probability, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    mean.set_title("mean of all patches' answers", fontsize=9)
    mean.set_axis_off()
    draw_panel(outline, Panel(image, reference, result, "the outline that follows"))
    for axis in (with_rays, mean, outline):
        axis.set(xlim=(low[1], high[1]), ylim=(high[0], low[0]))
    _draw_strip(below.subplots(2, len(shown)), patches.numpy()[shown], answers[shown], shown, colours)
    names = {"result": PREDICTION} | ({"reference": REFERENCE} if reference is not None else {})
    lines = [Line2D([], [], color=colour, label=name) for name, colour in names.items()]
    outline.legend(handles=lines, loc="lower right", fontsize=8)
    return save_figure(figure, path, "How a click becomes an outline: rays, patches, answers, result")


def show_rays(
    axis: Axes, click: Sequence[float], centres: np.ndarray, ray: int, shown: np.ndarray, colours: np.ndarray
) -> None:
    """Draw a click's sixteen rays over a slice, and of one ray some patches.

    Args:
        axis: where the slice is drawn already.
        click: row and column.
        centres: (16, T, 2), row and column of each patch's centre, see `patch_centres`.
        ray, shown: which ray, and which of its patches.
        colours: one for each patch shown.
    """
    for number in range(len(DIRECTIONS)):
        (row, column), chosen = centres[number, -1], number == ray
        line = axis.plot([click[1], column], [click[0], row], color=RAY, lw=1.6 if chosen else 0.8)[0]
        line.set_path_effects([withStroke(linewidth=line.get_linewidth() + 1, foreground="black")])
    for step, colour in zip(shown, colours, strict=True):
        row, column = centres[ray, step]
        corner = (column - BEFORE - 0.5, row - BEFORE - 0.5)
        axis.add_patch(Rectangle(corner, PATCH, PATCH, fill=False, edgecolor=colour, lw=1.3))
        axis.plot(column, row, ".", color=colour, markersize=5)
    axis.plot(click[1], click[0], "o", color=CLICK, markeredgecolor="white", markersize=7)


def _covered(centres: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Upper left and lower right corner of what the patches cover, with a margin, but not beyond the image."""
    low = np.maximum(centres.min(0) - BEFORE - MARGIN, 0)
    high = np.minimum(centres.max(0) + PATCH - BEFORE + MARGIN, shape)
    return low - 0.5, high - 0.5


def _draw_strip(
    axes: np.ndarray, patches: np.ndarray, answers: np.ndarray, shown: np.ndarray, colours: np.ndarray
) -> None:
    low, high = np.percentile(patches, (1, 99))
    for column, (step, colour) in enumerate(zip(shown, colours, strict=True)):
        pair = ((patches[column], low, high), (answers[column], 0, 1))
        for axis, (picture, bottom, top) in zip(axes[:, column], pair, strict=True):
            axis.imshow(picture, cmap="gray", vmin=bottom, vmax=top, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            for side in axis.spines.values():
                side.set(edgecolor=colour, linewidth=2.5)
        axes[0, column].set_title(f"patch {step + 1}", fontsize=8)
    axes[0, 0].set_ylabel("along the ray", fontsize=8)
    axes[1, 0].set_ylabel("network says", fontsize=8)
