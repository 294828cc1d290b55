"""The pictures of a model card: what the method does on one slice, and how good and how bad cases look."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from card_cases import Judged, OnGrid
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from scipy.ndimage import label as connected_parts

from patchseg.crossover import cross_patches
from patchseg.pictures import PREDICTION, REFERENCE, Panel, draw_panel, save_figure
from patchseg.seqpatch.drawing import show_rays
from patchseg.seqpatch.rays import patch_centres
from patchseg.seqpatch.shapes import interior_point

UPRIGHT, ACROSS, PIXEL = "#F0E442", "#CC79A7", "#D55E00"  # yellow, purple and vermillion of Okabe and Ito
AROUND = 0.45  # of an object's extent, shown on each side of it
WORST = ("worst", "2nd worst", "3rd worst", "4th worst")
TYPICAL = "upper quartile"  # of the cases that the method is shown on: it went well, and is not the best
LEAST = 70  # pixels of a cut-out, so that small objects keep their surroundings


def cross_picture(
    seen: OnGrid, outlined: Panel, patch: tuple[int, int], object_name: str, path: Path, weights: bool = True
) -> Path:
    """How Crossover-Net judges one slice: a pixel's two patches, every pixel's probability, the outline.

    Args:
        seen: the slice on the network's grid.
        outlined: the same slice on the file's, with reference and prediction.
        patch: rows and columns of the vertical patch.
        object_name: of what is outlined, "tumour".
        path: PNG to write.
        weights: False leaves out what only a trained network can say.
    """
    pixel = pixel_inside(seen)
    figure = Figure(figsize=(13.5 if weights else 10.5, 3.9), dpi=90, layout="constrained")
    parts = ["slice", "upright", "across"] + (["probability"] if weights else []) + ["outline"]
    widths = [3, patch[1] / patch[0] * 4.5, 1.7] + ([3.2] if weights else []) + [3]
    lower = [part if part != "across" else "answer" for part in parts]
    axes = figure.subplot_mosaic([parts, lower], width_ratios=widths)
    show_cross(axes["slice"], seen.image, pixel, patch)
    axes["slice"].set_title("1  one pixel, and the two\nlong patches that cross in it", fontsize=9)
    _show_patches(axes["upright"], axes["across"], seen.image, pixel, patch)
    axes["upright"].set_title("2  both patches", fontsize=9, loc="left")
    axes["answer"].set_axis_off()
    answer = f"one small network,\nthen for this pixel:\n{object_name} " + (
        f"{seen.probability[pixel]:.2f}" if weights else "or not"
    )
    axes["answer"].text(0.5, 0.55, answer, ha="center", va="center", fontsize=9.5)
    if weights:
        everywhere = axes["probability"]
        shown = everywhere.imshow(seen.probability, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        figure.colorbar(shown, ax=everywhere, shrink=0.7, pad=0.02, ticks=[0, 0.5, 1])
        everywhere.set_title(f"3  the same for every pixel:\nprobability of {object_name}", fontsize=9)
        everywhere.plot(pixel[1], pixel[0], "o", color=PIXEL, markeredgecolor="white", markersize=5)
        everywhere.set_axis_off()
    title = f"{4 if weights else 3}  {'the outline that follows' if weights else 'what it is to learn'}"
    one = cropped(outlined) if weights else outlined  # without: the whole image, of which the first shows a part
    draw_panel(axes["outline"], one._replace(title=f"{title}\n{outlined.title}"))
    _legend(axes["outline"], with_result=weights)
    return small(save_figure(figure, path, "How a cross of two patches becomes an outline"))


def picked(cases: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Which cases are drawn: what stands above each, and its name."""
    ranked = [case["name"] for case in sorted(cases, key=lambda case: case["dsc"])]
    last = len(ranked) - 1
    quarters = {"lower quartile": last / 4, "median": last / 2, TYPICAL: last * 3 / 4, "best": last}
    return dict(zip(WORST, ranked, strict=False)) | {name: ranked[round(at)] for name, at in quarters.items()}


def overview(
    automatic: Judged, patch: tuple[int, int], clicked: Judged, steps: int, stride: int, path: Path
) -> Path:
    """Both kinds of bundle in one row: what is judged, and the outline that follows."""
    figure = Figure(figsize=(12.5, 3.6), dpi=80, layout="constrained")
    left, right = figure.subfigures(1, 2, wspace=0.04)
    cross, first = left.subplots(1, 2)
    show_cross(cross, automatic.on_grid.image, pixel_inside(automatic.on_grid), patch)
    cross.set_title("Automatic: every pixel is judged from\na cross of two long patches,", fontsize=10)
    rays, second = right.subplots(1, 2)
    row, column = clicked.on_grid.click
    centres = patch_centres(torch.tensor([[float(row), float(column)]]), steps, stride)[0].numpy()
    draw_panel(rays, Panel(clicked.on_grid.image, None, None, ""))
    show_rays(
        rays, (row, column), centres, 2, np.arange(steps), colormaps["plasma"](np.linspace(0.3, 0.95, steps))
    )
    reach = steps * stride + 24
    rays.set(xlim=(column - reach, column + reach), ylim=(row + reach, row - reach))
    rays.set_title("One click: patches in a row, along\nsixteen rays from the click,", fontsize=10)
    for axis, one, what in ((first, automatic, "left ventricle, MR"), (second, clicked, "prostate, MR phantom")):
        title = f"and the outline is found:\n{what}, DSC {one.measures['dsc']:.2f}"
        draw_panel(axis, cropped(one.shown)._replace(title=title))
        axis.title.set_fontsize(10)
    _legend(second)
    return small(save_figure(figure, path, "The two kinds of bundle: automatic, and by one click"))


def cases_picture(found: dict[str, Judged], path: Path) -> Path:
    """The four worst cases above, typical ones and the best below; the keys of `found` stand above them."""
    figure = Figure(figsize=(10, 5.7), dpi=80, layout="constrained")
    for axis, (name, one) in zip(figure.subplots(2, 4).ravel(), found.items(), strict=True):
        draw_panel(axis, cropped(one.shown)._replace(title=f"{name}: DSC {one.measures['dsc']:.2f}"))
    names = {"reference": REFERENCE, "result": PREDICTION}
    lines = [Line2D([], [], color=colour, label=name) for name, colour in names.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, frameon=False)
    return small(save_figure(figure, path, "The worst cases, typical ones and the best"))


def show_cross(axis: Axes, image: np.ndarray, pixel: tuple[int, int], patch: tuple[int, int]) -> None:
    """A slice in grey with both patches of one pixel; what they cover beyond the slice is black, as for them."""
    (row, column), (long, short) = pixel, patch
    axis.set_facecolor("black")
    draw_panel(axis, Panel(image, None, None, ""))
    for (tall, wide), colour in (((long, short), UPRIGHT), ((short, long), ACROSS)):
        corner = (column - wide // 2 - 0.5, row - tall // 2 - 0.5)
        axis.add_patch(Rectangle(corner, wide, tall, fill=False, edgecolor=colour, linewidth=1.8))
    axis.plot(column, row, "o", color=PIXEL, markeredgecolor="white", markersize=6)
    rows, columns = image.shape
    axis.set(
        xlim=(min(column - long // 2, 0) - 2.5, max(column + long // 2, columns) + 1.5),
        ylim=(max(row + long // 2, rows) + 1.5, min(row - long // 2, 0) - 2.5),
    )


def _show_patches(
    upright: Axes, across: Axes, image: np.ndarray, pixel: tuple[int, int], patch: tuple[int, int]
) -> None:
    pair = cross_patches(torch.as_tensor(image)[None], torch.tensor([pixel]), patch)
    low, high = np.percentile(image, (1, 99))
    for axis, cut, colour in ((upright, pair[0], UPRIGHT), (across, pair[1], ACROSS)):
        axis.imshow(cut[0, 0].numpy(), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        for side in axis.spines.values():
            side.set(edgecolor=colour, linewidth=2.5)


def _legend(axis: Axes, with_result: bool = True) -> None:
    names = ({"result": PREDICTION} if with_result else {}) | {"reference": REFERENCE}
    lines = [Line2D([], [], color=colour, label=name) for name, colour in names.items()]
    axis.legend(handles=lines, loc="lower right", fontsize=8)


def pixel_inside(seen: OnGrid) -> tuple[int, int]:
    """A pixel well inside the largest part of the reference, where the network says yes if it does anywhere."""
    hit = seen.reference & (seen.probability > 0.5)
    parts, _ = connected_parts(hit if hit.any() else seen.reference)
    row, column = interior_point(parts == np.bincount(parts.ravel())[1:].argmax() + 1)
    return round(row), round(column)


def cropped(one: Panel) -> Panel:
    """The square around both outlines, with some of their surroundings."""
    either = one.reference != 0
    if one.prediction is not None:
        either = either | (one.prediction != 0)
    if not either.any():
        return one
    spots = np.argwhere(either)
    middle = (spots.min(0) + spots.max(0)) / 2
    half = max(np.ptp(spots, axis=0).max() * (0.5 + AROUND), LEAST / 2)
    (top, bottom), (left, right) = (
        (max(round(at - half), 0), min(round(at + half) + 1, size))
        for at, size in zip(middle, either.shape, strict=True)
    )
    masks = (None if m is None else m[top:bottom, left:right] for m in (one.reference, one.prediction))
    return Panel(one.image[top:bottom, left:right], *masks, one.title, one.aspect)


def small(path: Path) -> Path:
    """The same picture with 128 greys and 128 colours: half the bytes, and no difference to see.

    The colours are chosen apart from the greys, which are many: so the thin lines keep theirs.
    """
    with Image.open(path) as picture:
        title, whole = picture.info.get("Title", ""), picture.convert("RGB")
    pixels = np.asarray(whole)
    coloured = Image.fromarray(pixels[np.ptp(pixels.astype(int), axis=2) > 8][None])
    colours = coloured.quantize(128, Image.Quantize.MEDIANCUT).getpalette()[: 3 * 128]
    palette = Image.new("P", (1, 1))
    palette.putpalette([int(level) for level in np.linspace(0, 255, 128).round() for _ in "rgb"] + colours)
    about = PngInfo()
    about.add_text("Title", title)
    whole.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True, pnginfo=about)
    return path
