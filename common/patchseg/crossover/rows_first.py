"""A branch of Crossover-Net as CPUs compute it fastest: `Branch.forward` by `winograd.convolve`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.nn.functional as F
from monai.utils import convert_to_dst_type, convert_to_tensor
from torch import Tensor

from .fragments import join_phases
from .in_threads import in_threads
from .winograd import NONE, Alike, Kernel, alike, at_points, convolve

if TYPE_CHECKING:
    from .network import Branch, CrossoverNet

T = TypeVar("T")
Window = tuple[int, int, int, int]  # first row, first column, height, width
PHASES = 4  # of a 2x2 pooling


def rows_first(
    branch: "Branch", image: Tensor, strided: int, weight: Tensor, bias: Tensor | None
) -> Tensor | None:
    """What `Branch.forward` returns, to float rounding, from the same arguments.

    None where it does not apply: on GPUs, at other precisions, while training, when exported or compiled.

    The first convolution reads one channel and has little to save. Rows at the top and bottom that are alike, as
    the zeros around the image are, stay alike from map to map for a while, and are computed once. From the first
    pooling that splits the map on, each of its four phases is judged to the end before the next: its maps then
    stay near the core that computes them. Of the last convolution's 500 channels, those of a few thousand
    positions exist at a time, until the linear layer has read them.
    """
    if not applies(branch, image):
        return None
    kernels = points_of(branch)
    plain = convert_to_tensor(image, track_meta=False)
    logits = torch.cat(
        [judged(branch, kernels, *first_maps(branch, kernels, one), strided, weight) for one in plain.split(1)]
    )
    logits = logits if bias is None else logits + bias[:, None, None]
    return convert_to_dst_type(logits, image)[0]  # a MetaTensor stays one


class SharedMaps:
    """The first maps of one image, computed once for its lattice and any windows, which overlap in what they see.

    Args:
        net: the network, one that `applies`. image: (1, 1, H, W).
    """

    def __init__(self, net: "CrossoverNet", image: Tensor) -> None:
        self.bias = net.classifier.bias[:, None, None]
        self.weights = net.classifier.weight.chunk(2, 1)
        self.branches = (net.vertical, net.horizontal)

        def prepared(one: int) -> tuple[list[Kernel], list[Tensor], Tensor]:
            branch = self.branches[one]
            kernels = points_of(branch)
            maps, ends = first_maps(branch, kernels, net.pad(image.transpose(2, 3) if one else image))
            read = [maps]
            logits = judged(branch, kernels, maps, ends, branch.pools, self.weights[one], read)
            return kernels, read, logits

        # of each branch: the maps that its poolings read for the lattice, and its logits there
        self.kernels, self.read, self.judged = zip(*_both(prepared), strict=True)
        step = 1 << net.vertical.pools
        pixels = (-(-side // step) * step for side in image.shape[2:])
        # what a window's maps have beyond its own rows and columns
        self.arms = [side - own for side, own in zip(self.read[0][0].shape[::2], pixels, strict=True)]

    def lattice(self) -> Tensor:
        """Logits (1, classes, h, w) with the full stride."""
        upright, across = self.judged
        return upright + across.transpose(2, 3) + self.bias

    def windows(self, places: Sequence[Window]) -> list[Tensor]:
        """Logits (1, classes, height, width) of each. All four numbers are multiples of the full stride."""
        found: dict[int, Tensor] = {}

        def turns(numbers: range) -> None:
            for number in numbers:
                found[number] = self._window(places[number % len(places)], number // len(places))

        in_threads(turns, 2 * len(places))
        return [
            found[number] + found[len(places) + number].transpose(2, 3) + self.bias
            for number in range(len(places))
        ]

    def _window(self, place: Window, turned: int) -> Tensor:
        """What one branch says of it.

        The lattice is the first phase of every pooling: its maps and logits are there already. The other phases
        are small, and go through together.
        """
        row, col, height, width = place
        if turned:
            row, col, height, width = col, row, width, height
        branch, kernels, read = self.branches[turned], self.kernels[turned], iter(self.read[turned])
        others: Tensor | None = None
        rows, cols = height + self.arms[0], width + self.arms[1]
        first = _first_pooling(branch)
        for index in range(first, len(kernels)):
            if index > first:
                others = convolve(others, kernels[index - 1])
                rows, cols = others.shape[0], others.shape[2]
            if branch.pool_after[index]:
                known = next(read)[row : row + rows, :, col : col + cols]
                others = _other_phases(known, others)
                row, col, height, width = row // 2, col // 2, height // 2, width // 2
            others.relu_()
        known = self.judged[turned][..., row : row + height, col : col + width]
        return _joined(torch.cat([known, _classified(others, kernels[-1], self.weights[turned])]))


def _both(function: Callable[[int], T]) -> list[T]:
    """What it returns of 0 and of 1, the two branches: side by side, where there are two threads."""
    found: dict[int, T] = {}

    def turns(numbers: range) -> None:
        for number in numbers:
            found[number] = function(number)

    in_threads(turns, 2)
    return [found[0], found[1]]


def applies(branch: "Branch", image: Tensor) -> bool:
    """Whether `rows_first` computes this image."""
    ordinary = image.device.type == "cpu" and image.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    followed = torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing()
    return ordinary and not branch.training and not followed


def points_of(branch: "Branch") -> list[Kernel]:
    """All convolutions but the first, which is computed as it is."""
    return [at_points(conv.weight, conv.bias) for conv in branch.convs[1:]]


def first_maps(branch: "Branch", kernels: Sequence[Kernel], image: Tensor) -> tuple[Tensor, Alike]:
    """What the first pooling reads: image (1, 1, H, W) -> maps (h, 1, w, C), and which rows of these are alike."""
    conv = branch.convs[0]
    last = torch.channels_last  # of image and weight, or torch writes channels first and all is copied
    maps = F.conv2d(image.to(memory_format=last), conv.weight.to(memory_format=last), conv.bias)
    maps, ends = maps.permute(2, 0, 3, 1).contiguous(), alike(image[0, 0]).convolved(conv.kernel_size[0])
    for index in range(_first_pooling(branch)):
        maps = convolve(_after(maps, branch, index, 0), kernels[index], ends=ends)
        ends = ends.convolved(kernels[index].rows)
    return maps, ends


def judged(
    branch: "Branch",
    kernels: Sequence[Kernel],
    maps: Tensor,
    ends: Alike,
    strided: int,
    weight: Tensor,
    read: list[Tensor] | None = None,
) -> Tensor:
    """Logits (1, classes, h, w), without the linear layer's bias, of what the first pooling reads.

    With the full stride, what the further poolings read is added to `read`.
    """
    first = _first_pooling(branch)
    if strided == branch.pools:
        maps, ends = _after(maps, branch, first, strided), _ends_after(ends, branch, first)
        return _to_the_end(branch, kernels, maps, first + 1, strided, weight, ends, read)
    splits = [index for index, pools in enumerate(branch.pool_after) if pools][strided]
    for index in range(first, splits):
        ends = _ends_after(ends, branch, index)
        maps = convolve(_after(maps, branch, index, strided), kernels[index], ends=ends)
        ends = ends.convolved(kernels[index].rows)
    found: dict[int, Tensor] = {}

    def turns(numbers: range) -> None:
        for number in numbers:
            phase = _phase(maps, number).relu_()
            found[number] = _to_the_end(branch, kernels, phase, splits + 1, strided, weight, ends.pooled())

    in_threads(turns, PHASES)
    return join_phases(torch.cat([found[number] for number in range(PHASES)]))


def _first_pooling(branch: "Branch") -> int:
    """Number (from 0) of the convolution that it follows; of the first, if there is none."""
    return branch.pool_after.index(True) if branch.pools else 0


def _to_the_end(
    branch: "Branch",
    kernels: Sequence[Kernel],
    maps: Tensor,
    index: int,
    strided: int,
    weight: Tensor,
    ends: Alike = NONE,
    read: list[Tensor] | None = None,
) -> Tensor:
    """Logits (1, classes, h, w) of the maps (H, 1, W, C) that convolution number `index` (from 0) reads."""
    for number in range(index, len(kernels)):
        kernel = kernels[number - 1]
        maps = convolve(maps, kernel, ends=ends)
        if read is not None and branch.pool_after[number]:
            read.append(maps)
        maps = _after(maps, branch, number, strided)
        ends = _ends_after(ends.convolved(kernel.rows), branch, number)
    return _joined(_classified(maps, kernels[-1], weight, ends))


def _classified(maps: Tensor, kernel: Kernel, weight: Tensor, ends: Alike = NONE) -> Tensor:
    """The last convolution, ReLU and the linear layer: maps (H, N, W, C) -> logits (N, classes, h, w)."""
    read = convolve(maps, kernel, lambda some: F.linear(some.relu_(), weight), len(weight), ends)
    return read.permute(1, 3, 0, 2).contiguous()


def _joined(logits: Tensor) -> Tensor:
    """Undo all splits into phases: (N, classes, h, w) -> (1, classes, H, W)."""
    while len(logits) > 1:
        logits = join_phases(logits)
    return logits


def _after(maps: Tensor, branch: "Branch", index: int, strided: int) -> Tensor:
    """What convolution number `index` is followed by: ReLU, and 2x2 max pooling if it has one."""
    if branch.pool_after[index]:
        splits = sum(branch.pool_after[:index]) >= strided
        maps = (
            torch.stack([_phase(maps, number) for number in range(PHASES)], 1).flatten(1, 2)
            if splits
            else _pooled(maps)
        )
    return maps.relu_()


def _ends_after(ends: Alike, branch: "Branch", index: int) -> Alike:
    return ends.pooled() if branch.pool_after[index] else ends


def _pooled(maps: Tensor) -> Tensor:
    """(H, N, W, C) -> (H / 2, N, W / 2, C)."""
    rows, cols = maps.shape[0] // 2 * 2, maps.shape[2] // 2 * 2
    higher = torch.maximum(maps[:rows:2, :, :cols], maps[1:rows:2, :, :cols])
    return torch.maximum(higher[:, :, ::2], higher[:, :, 1::2])


def _phase(maps: Tensor, number: int) -> Tensor:
    """(H, N, W, C) -> (h, N, w, C): one of the four of `pool_phases`."""
    i, j = divmod(number, 2)
    rows, cols = (maps.shape[0] - 1) // 2 * 2, (maps.shape[2] - 1) // 2 * 2
    higher = torch.maximum(maps[i : i + rows : 2], maps[i + 1 : i + 1 + rows : 2])
    return torch.maximum(higher[:, :, j : j + cols : 2], higher[:, :, j + 1 : j + 1 + cols : 2])


def _other_phases(first: Tensor, others: Tensor | None) -> Tensor:
    """All phases of a pooling but the first one's first.

    Args:
        first: (H, 1, W, C), of which the first phase is known. others: (H, N, W, C), of which none is.

    Returns:
        (h, 4 N + 3, w, C), in the order of `pool_phases`.
    """
    phases = [] if others is None else [_phase(others, 0)]
    for number in range(1, PHASES):
        phases += [_phase(maps, number) for maps in (first, others) if maps is not None]
    return torch.cat(phases, 1)
