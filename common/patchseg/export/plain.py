"""The networks in a form that exporters can write down for any size: no sizes computed, no loops unrolled."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from patchseg.crossover import CrossoverNet
from patchseg.errors import InputError
from patchseg.seqpatch import SeqPatchNet
from patchseg.seqpatch.cells import Direction


def plain(network: nn.Module) -> nn.Module:
    """The same network, to float rounding, for torch.export; it shares no weights with the original.

    Raises:
        InputError: neither a CrossoverNet nor a SeqPatchNet.
    """
    # contiguous: an exported loop must not change the layout of its state in memory
    network = deepcopy(network).eval().to(memory_format=torch.contiguous_format)
    if isinstance(network, CrossoverNet):
        return DilatedCrossover(network)
    if isinstance(network, SeqPatchNet):
        for module in network.modules():
            for name, child in module.named_children():
                if isinstance(child, Direction):
                    setattr(module, name, ScannedDirection(child))
        return network
    raise InputError(f"a {type(network).__name__} cannot be exported: only CrossoverNet and SeqPatchNet can.")


class DilatedCrossover(nn.Module):
    """Crossover-Net at every pixel by dilated convolutions, as every runtime has them.

    A 2x2 pooling that keeps every pixel leaves the pixels that belong together two apart, so all that follows
    looks at every second pixel, then at every fourth. Slower and larger than the phases of `CrossoverNet.forward`,
    but without a size that has to be divided: rows, columns and batch may be any.

    Shape:
        (B, 1, H, W) -> (B, classes, H, W)
    """

    def __init__(self, network: CrossoverNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        rows, cols = self.network.patch
        sides = [cols // 2, cols // 2 - 1, rows // 2, rows // 2 - 1]
        upright = self._features("vertical", F.pad(image, sides))
        across = self._features("horizontal", F.pad(image.transpose(2, 3), sides)).transpose(2, 3)
        first, second = self.network.classifier.weight[:, :, None, None].chunk(2, 1)
        return F.conv2d(upright, first, self.network.classifier.bias) + F.conv2d(across, second)

    def _features(self, name: str, image: Tensor) -> Tensor:
        branch = getattr(self.network, name)
        apart = 1
        for conv, pooled in zip(branch.convs, branch.pool_after, strict=True):
            image = F.conv2d(image, conv.weight, conv.bias, dilation=apart)
            if pooled:
                image = F.max_pool2d(image, 2, stride=1, dilation=apart)
                apart *= 2
            image = F.relu(image)
        return image


class ScannedDirection(nn.Module):
    """A recurrent direction as one loop operator, so that the number of patches may be any; see `Direction`."""

    def __init__(self, direction: Direction) -> None:
        super().__init__()
        self.cell = direction.cell
        self.channels, self.states, self.backward = direction.channels, direction.states, direction.backward

    def forward(self, maps: Tensor, times: int) -> Tensor:
        sequences = tuple(part.unflatten(0, (times, -1)).contiguous() for part in self.cell.inputs(maps))
        if self.backward:
            sequences = tuple(part.flip(0) for part in sequences)
        first = torch.zeros_like(sequences[1][0])
        state = torch.cat([first] * self.states, 1) if self.states > 1 else first

        def step(state: Tensor, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            state = self.cell.step(*inputs, state).contiguous()
            return state, state[:, : self.channels].clone()

        _, found = scan(step, state, sequences, dim=0)
        return (found.flip(0) if self.backward else found).flatten(0, 1)
