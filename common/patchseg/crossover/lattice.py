"""Training on the lattice: hundreds of patch pairs for the price of a few, with the maps the loss reads."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patchseg.errors import InputError

from .network import CrossoverNet, CrossoverOutput
from .stacks import parse_stack


def patch_pairs(net: CrossoverNet, vertical: Tensor, horizontal: Tensor, layer: int = 3) -> CrossoverOutput:
    """`net.forward_patches` with the maps of convolution number `layer`: the definition for `LatticeNet`.

    Args:
        vertical: (N, 1, 100, 20). horizontal: (N, 1, 20, 100).
    """
    upright, upright_map = net.vertical.features_and_map(vertical, layer)
    across, across_map = net.horizontal.features_and_map(horizontal.transpose(2, 3), layer)
    return CrossoverOutput(_classify(net, upright, across), upright_map, across_map, step=0)


class LatticeNet(nn.Module):
    """What the trainer calls: the strided network, which judges one pixel in four (eight) each way.

    Pixels 0, 4, 8, ... of the image each have their patch pair, so a random shift of the image inside its
    canvas reaches all of them. Values and gradients are those of `patch_pairs` at the same pixels. It shares
    the parameters of `net`, and is the module to wrap in DistributedDataParallel.

    Args:
        net: the network to train.
        layer: number of the convolution whose maps the constraint loss reads (3, the paper's choice for
            100x20).

    Shape:
        image (B, 1, H, W) -> `CrossoverOutput` with logits (B, classes, ceil(H/4), ceil(W/4)).

    >>> import torch
    >>> LatticeNet(CrossoverNet())(torch.zeros(1, 1, 64, 48)).logits.shape
    torch.Size([1, 2, 16, 12])
    """

    def __init__(self, net: CrossoverNet, layer: int = 3) -> None:
        super().__init__()
        net.to(memory_format=torch.channels_last)  # a sixth faster on CPUs, to float rounding the same numbers
        convs = parse_stack(net.stack)
        if not 1 <= layer <= len(convs):
            raise InputError(f"layer {layer}: the stack has convolutions 1 to {len(convs)}")
        self.net = net
        self.layer = layer
        self.stride: int = 2**net.vertical.pools
        self.step: int = self.stride // 2 ** convs[layer - 1].pools_before

    def forward(self, image: Tensor) -> CrossoverOutput:
        upright, upright_map = self.net.vertical.features_and_map(self.net.pad(image), self.layer)
        turned = self.net.pad(image.transpose(2, 3))
        across, across_map = self.net.horizontal.features_and_map(turned, self.layer)
        logits = _classify(self.net, upright, across)
        return CrossoverOutput(logits, upright_map, across_map, self.step)


def _classify(net: CrossoverNet, upright: Tensor, across: Tensor) -> Tensor:
    """The linear layer at every position, each half on its branch: the 1000 channels are never concatenated.

    `across` comes transposed, as its branch computes it. A matrix product over channels that lie side by side in
    memory is quicker than a convolution to two.
    """
    first, second = net.classifier.weight.chunk(2, 1)
    logits = F.linear(upright.permute(0, 2, 3, 1), first, net.classifier.bias)
    logits = logits + F.linear(across.permute(0, 3, 2, 1), second)
    return logits.movedim(3, 1)


class InterpolatedLattice(nn.Module):
    """A quick look: every fourth (eighth) pixel judged, logits between them interpolated.

    For validation while training, at a tenth of the dense cost; measure results with the network itself.

    Shape:
        image (B, 1, H, W) -> logits (B, classes, H, W), exact at rows and columns 0, 4, 8, ...
    """

    def __init__(self, net: CrossoverNet) -> None:
        super().__init__()
        self.net = net
        self.stride: int = 2**net.vertical.pools

    def forward(self, image: Tensor) -> Tensor:
        return interpolated(self.net(image, stride=self.stride), self.stride, image.shape[2:])


def interpolated(logits: Tensor, stride: int, size: Sequence[int]) -> Tensor:
    """Lattice logits (B, classes, h, w) -> (B, classes, *size); what lies beyond the lattice repeats its edge.

    >>> interpolated(torch.tensor([[[[0.0, 4.0]]]]), stride=4, size=(1, 7))
    tensor([[[[0., 1., 2., 3., 4., 4., 4.]]]])
    """
    rows, cols = (stride * (side - 1) + 1 for side in logits.shape[2:])
    logits = F.interpolate(logits, size=(rows, cols), mode="bilinear", align_corners=True)
    beyond = [0, max(size[1] - cols, 0), 0, max(size[0] - rows, 0)]
    return F.pad(logits, beyond, mode="replicate")[:, :, : size[0], : size[1]]
