"""A branch of Crossover-Net as CPUs compute it fastest: `Branch.forward` by `winograd.convolve`."""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from monai.utils import convert_to_dst_type, convert_to_tensor
from torch import Tensor

from .fragments import join_phases
from .winograd import convolve

if TYPE_CHECKING:
    from .network import Branch


def rows_first(
    branch: "Branch", image: Tensor, strided: int, weight: Tensor, bias: Tensor | None
) -> Tensor | None:
    """What `Branch.forward` returns, to float rounding, from the same arguments.

    None where it does not apply: on GPUs, at other precisions, while training, when exported or compiled.

    The first convolution reads one channel and has little to save. Of the last one's 500 channels, those of a few
    hundred positions exist at a time, until the linear layer has read them.
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
    first, *inner, last = branch.convs
    maps = _after(first(image).permute(2, 0, 3, 1).contiguous(), branch, 0, strided)
    for index, conv in enumerate(inner, start=1):
        maps = _after(convolve(maps, conv.weight, conv.bias, _kept), branch, index, strided)
    read = convolve(maps, last.weight, last.bias, lambda some: F.linear(some.relu_(), weight), len(weight))
    logits = read.permute(1, 3, 0, 2)
    for _ in range(branch.pools - strided):
        logits = join_phases(logits.contiguous())
    return logits


def _kept(some: Tensor) -> Tensor:
    return some


def _after(maps: Tensor, branch: "Branch", index: int, strided: int) -> Tensor:
    """What convolution number `index` (from 0) is followed by: ReLU, and 2x2 max pooling if it has one."""
    if branch.pool_after[index]:
        done = sum(branch.pool_after[:index])
        maps = _pooled(maps) if done < strided else _phases(maps)
    return maps.relu_()


def _pooled(maps: Tensor) -> Tensor:
    """(H, N, W, C) -> (H / 2, N, W / 2, C)."""
    rows, cols = maps.shape[0] // 2 * 2, maps.shape[2] // 2 * 2
    higher = torch.maximum(maps[:rows:2, :, :cols], maps[1:rows:2, :, :cols])
    return torch.maximum(higher[:, :, ::2], higher[:, :, 1::2])


def _phases(maps: Tensor) -> Tensor:
    """(H, N, W, C) -> (h, 4 N, w, C), as `pool_phases`."""
    rows, cols = (maps.shape[0] - 1) // 2 * 2, (maps.shape[2] - 1) // 2 * 2
    higher = torch.maximum(maps[:-1], maps[1:])
    found = maps.new_empty(rows // 2, 4, maps.shape[1], cols // 2, maps.shape[3])
    for i in range(2):
        for j in range(2):
            phase = higher[i : i + rows : 2]
            left, right = phase[:, :, j : j + cols : 2], phase[:, :, j + 1 : j + 1 + cols : 2]
            torch.maximum(left, right, out=found[:, 2 * i + j])
    return found.flatten(1, 2)
