"""A branch of Crossover-Net as CPUs compute it fastest: `Branch.forward` by `winograd.convolve`."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from monai.utils import convert_to_dst_type, convert_to_tensor
from torch import Tensor

from .fragments import join_phases
from .in_threads import in_threads
from .winograd import convolve

if TYPE_CHECKING:
    from .network import Branch

PHASES = 4  # of a 2x2 pooling


def rows_first(
    branch: "Branch", image: Tensor, strided: int, weight: Tensor, bias: Tensor | None
) -> Tensor | None:
    """What `Branch.forward` returns, to float rounding, from the same arguments.

    None where it does not apply: on GPUs, at other precisions, while training, when exported or compiled.

    The first convolution reads one channel and has little to save. From the first pooling that splits the map on,
    each of its four phases is judged to the end before the next: its maps then stay near the core that computes
    them. Of the last convolution's 500 channels, those of a few thousand positions exist at a time, until the
    linear layer has read them.
    """
    ordinary = image.device.type == "cpu" and image.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    followed = torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing()
    if branch.training or followed or not ordinary:
        return None
    plain = convert_to_tensor(image, track_meta=False)
    logits = torch.cat([_of_one(branch, one, strided, weight) for one in plain.split(1)])
    logits = logits if bias is None else logits + bias[:, None, None]
    return convert_to_dst_type(logits, image)[0]  # a MetaTensor stays one


def _of_one(branch: "Branch", image: Tensor, strided: int, weight: Tensor) -> Tensor:
    """Logits (1, classes, h, w) of one image (1, 1, H, W), without the linear layer's bias."""
    maps = branch.convs[0](image).permute(2, 0, 3, 1).contiguous()
    if strided == branch.pools:
        return _judged(branch, _after(maps, branch, 0, strided), 1, strided, weight)
    splits = [index for index, pools in enumerate(branch.pool_after) if pools][strided]
    for index in range(splits):
        maps = _convolved(branch, _after(maps, branch, index, strided), index + 1)
    found: dict[int, Tensor] = {}

    def turns(numbers: range) -> None:
        for number in numbers:
            phase = _phase(maps, number).relu_()
            found[number] = _judged(branch, phase, splits + 1, strided, weight)

    in_threads(turns, PHASES)
    return join_phases(torch.cat([found[number] for number in range(PHASES)]))


def _judged(branch: "Branch", maps: Tensor, index: int, strided: int, weight: Tensor) -> Tensor:
    """Logits (1, classes, h, w) of the maps (H, 1, W, C) that convolution number `index` (from 0) reads."""
    last = len(branch.convs) - 1
    for number in range(index, last):
        maps = _after(_convolved(branch, maps, number), branch, number, strided)
    conv = branch.convs[last]
    read = convolve(maps, conv.weight, conv.bias, lambda some: F.linear(some.relu_(), weight), len(weight))
    logits = read.permute(1, 3, 0, 2).contiguous()
    while len(logits) > 1:
        logits = join_phases(logits)
    return logits


def _convolved(branch: "Branch", maps: Tensor, index: int) -> Tensor:
    return convolve(maps, branch.convs[index].weight, branch.convs[index].bias)


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
