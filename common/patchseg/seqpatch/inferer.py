"""Clicks in, a volume out: what a server calls."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.utils import convert_to_dst_type
from torch import Tensor

from patchseg.errors import InputError

from .corrections import follow_clicks, remembering
from .network import PATCH
from .propagation import Answer, Ask, Clicks, Found, Reach, judge_clicked
from .refinement import REFINEMENTS
from .shapes import Point, around
from .slices import SliceAnswer, judge_carried, judge_slices
from .stopping import StopRules

OUTGROWN = 0.02  # of the object's pixels near the end of the rays: it goes on beyond


class ClickInferer(Inferer):
    """Segment a volume from clicks in two of its channels (Sequential patches, 3), carried from slice to slice.

    - One foreground click segments its slice. The mask found is carried to the neighbours both ways, until the
      object ends (`StopRules`).
    - Clicks in several slices anchor these slices, and the slices between follow the path from one to the next.
      What such a click gives is added to the mask carried to its slice.
    - Several foreground clicks in a slice are joined: each pixel gets the highest of their probabilities.
    - A background click takes away, in its slice, the pixels nearer to it than to any foreground click. Where the
      slice has none of its own, the points at which it was carried count; in the middle of the object, the click
      ends it there. The slices beyond follow; none of them gains a pixel.

    All anchors go through the network in one call, sixteen rays from each click; then the next slices both ways,
    call by call, eight rays each that end where the mask can.

    The straight rays see about 48 pixels (steps * stride + 16). An object that comes near their end is looked at
    again at half the resolution in the slice, then at a quarter, so that one click works for large objects and for
    images whose spacing is unknown.

    Args:
        steps: patches per ray, T.
        stride: pixels from one patch to the next.
        coarsest: halve the resolution at most to 1 / coarsest: 1, 2 or 4; 1 keeps the network's grid.
        judge: what turns clicked slices into probabilities, as `judge_slices` does.
        judge_carried: the same for slices that a mask is carried to, as `judge_carried` does.
        refinement: of each slice's outline, "none" or "chan_vese" (see `refinement`).
        rules: fields of `StopRules` to set, such as `least_dice=0.6`.

    Shape:
        inputs (B, 3, H, W, slices): image, foreground and background clicks, non-zero in the voxel of a click.
        Returns (B, 2, H, W, slices) float32: probability, above 0.5 only in what belongs to a click; and the
        confidence of each slice (see `SliceAnswer`), 0 where nothing was judged. One slice may come without its
        axis: (B, 3, H, W) -> (B, 2, H, W). Without a foreground click all is 0.

    >>> volume = torch.zeros(1, 3, 100, 100, 5)
    >>> volume[0, 0, 40:60, 30:50, 1:4] = 1
    >>> volume[0, 1, 50, 40, 2] = 1  # the click
    >>> found = ClickInferer()(volume, lambda patches: 20 * (patches - 0.5))
    >>> [int(slice_.sum()) for slice_ in (found[0, 0] > 0.5).unbind(-1)]
    [0, 400, 400, 400, 0]
    """

    def __init__(
        self,
        steps: int = 8,
        stride: int = 4,
        coarsest: int = 4,
        judge: Callable[..., SliceAnswer] = judge_slices,
        judge_carried: Callable[..., SliceAnswer] = judge_carried,
        refinement: str = "none",
        **rules: float,
    ) -> None:
        self.steps = steps
        self.stride = stride
        self.coarsest = coarsest
        self.judge = judge
        self.judge_carried = judge_carried
        if refinement not in REFINEMENTS:
            raise InputError(f'refinement is "{refinement}"; give one of {list(REFINEMENTS)}.')
        self.refine = REFINEMENTS[refinement]
        self.rules = StopRules(**rules)

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        def judge(patches: Tensor) -> Tensor:
            return network(patches, *args, **kwargs)

        volumes = torch.as_tensor(inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs)
        volumes = volumes if volumes.ndim == 5 else volumes[..., None]
        found = [
            self._segment(volume, judge, spacing)
            for volume, spacing in zip(volumes, _spacings(inputs), strict=True)
        ]
        result = torch.from_numpy(np.stack(found)).reshape(len(found), 2, *inputs.shape[2:])
        # a MetaTensor stays one, as after a network: Invertd takes nothing else back to the file's grid
        return convert_to_dst_type(result, inputs, dtype=torch.float32)[0]

    def _segment(self, volume: Tensor, network: Callable[[Tensor], Tensor], spacing: np.ndarray) -> np.ndarray:
        coarse = 1
        while True:
            image = _coarser(volume[0].float(), coarse)
            foreground, background = (_clicks(channel, coarse, image.shape) for channel in volume[1:3])

            def asking(judge: Callable[..., SliceAnswer], image: Tensor = image) -> Ask:
                return remembering(lambda points, reach: self._ask(judge, image, network, points, reach))

            ask = asking(self.judge)
            if coarse * 2 > self.coarsest or not self._outgrown(judge_clicked(ask, foreground, {}), foreground):
                break
            coarse *= 2
        result = np.zeros((2, *image.shape), np.float32)
        spacing = spacing * (coarse, coarse, 1)
        carrying = asking(self.judge_carried)
        found = follow_clicks(ask, image.cpu().numpy(), foreground, background, self.rules, spacing, carrying)
        for index, slice_ in found.items():
            result[0, ..., index] = slice_.probability
            result[1, ..., index] = slice_.confidence
        return result if coarse == 1 else _finer(result, volume.shape[1:])

    def _outgrown(self, anchors: Mapping[int, Found], clicks: Clicks) -> bool:
        """Whether a clicked object comes near the end of what the straight rays see."""
        near = self.steps * self.stride + PATCH // 2 - 8  # the last pixels there are seen by one patch's border
        return any(
            (found.mask & ~around(clicks[index], near, found.mask.shape)).sum() > OUTGROWN * found.mask.sum()
            for index, found in anchors.items()
        )

    def _ask(
        self,
        judge: Callable[..., SliceAnswer],
        image: Tensor,
        network: Callable[[Tensor], Tensor],
        points: Clicks,
        reach: Reach | None,
    ) -> dict[int, Answer]:
        """Judge slices (of H, W, slices) at their points, in one call; several points in a slice are joined."""
        if not points:
            return {}
        slices = [index for index, where in points.items() for _ in where]
        clicks = torch.tensor([point for where in points.values() for point in where], device=image.device)
        images = image[..., slices].movedim(-1, 0)
        with torch.no_grad():
            known = () if reach is None else ([reach[index] for index in slices],)
            probability, confidence = judge(network, images, clicks, self.steps, self.stride, *known)
        counts = [len(where) for where in points.values()]
        joined = zip(points, probability.split(counts), confidence.split(counts), strict=True)
        return {index: Answer(self.refine(p.amax(0).cpu().numpy()), float(c.mean())) for index, p, c in joined}


def _clicks(channel: Tensor, coarse: int, shape: Sequence[int]) -> dict[int, list[Point]]:
    """The clicks of a channel (H, W, slices), by slice, on the grid of `shape` that is `coarse` times coarser."""
    found = defaultdict(list)
    for row, column, index in torch.nonzero(channel).tolist():
        point = (min(row // coarse, shape[0] - 1), min(column // coarse, shape[1] - 1))
        found[index].append((float(point[0]), float(point[1])))
    return dict(found)


def _coarser(image: Tensor, coarse: int) -> Tensor:
    """(H, W, slices) with the means of coarse x coarse pixels of each slice."""
    if coarse == 1:
        return image
    slices = image.movedim(-1, 0)[:, None]
    return F.avg_pool2d(slices, coarse, ceil_mode=True, count_include_pad=False)[:, 0].movedim(0, -1)


def _finer(result: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Probability and confidence (2, h, w, slices) on the full grid (H, W, slices)."""
    slices = torch.from_numpy(result).movedim(-1, 0)
    factor = -(-int(shape[0]) // result.shape[1])
    large = F.interpolate(slices, scale_factor=factor, mode="bilinear", align_corners=False)
    return large[..., : shape[0], : shape[1]].movedim(0, -1).numpy()


def _spacings(inputs: Tensor) -> np.ndarray:
    """(B, 3) spacing of each volume in mm; 1 for tensors that do not know it."""
    affine = np.asarray(inputs.affine.cpu()) if isinstance(inputs, MetaTensor) else np.eye(4)
    affines = np.broadcast_to(affine, (len(inputs), *affine.shape[-2:]))
    return np.linalg.norm(affines[:, :3, :3], axis=1)
