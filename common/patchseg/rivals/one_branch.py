"""Networks that judge a pixel from one patch: vertical, horizontal or square (Crossover-Net, Fig. 8)."""

import torch
from torch import Tensor, nn

from patchseg.crossover.network import CrossoverNet

# As many channels as Crossover-Net's branch. The paper names the sizes of patches and kernels only; depth, and a
# last layer that covers what is left as conv7 does, are ours.
SQUARE_STACKS = {
    28: "3x3/16 3x3/36 pool 3x3/64 pool 3x3/64 3x3/500",
    56: "3x3/16 3x3/36 pool 3x3/64 pool 3x3/64 3x3/64 3x3/64 6x6/500",
    100: "3x3/16 3x3/36 pool 3x3/64 3x3/64 pool 3x3/64 pool 3x3/64 3x3/64 6x6/500",
}


class OneBranchNet(CrossoverNet):
    """Crossover-Net with one of its two branches: half of the cross, every pixel at once (IV-D).

    Args:
        patch: rows and columns of the vertical patch; a square one twice its side.
        direction: "vertical", or "horizontal" for the transposed patch.
        dropout, num_classes, stack: as in `CrossoverNet`; a square patch without `stack` takes `SQUARE_STACKS`.

    Shape:
        As in `CrossoverNet`; `forward_patches` reads the patch of its direction and ignores the other.

    >>> net = OneBranchNet((28, 28)).eval()
    >>> net(torch.zeros(1, 1, 30, 17)).shape, net(torch.zeros(1, 1, 30, 17), stride=4).shape
    (torch.Size([1, 2, 30, 17]), torch.Size([1, 2, 8, 5]))
    """

    def __init__(
        self,
        patch: tuple[int, int] = (100, 20),
        direction: str = "vertical",
        dropout: float = 0.0,
        num_classes: int = 2,
        stack: str | None = None,
    ) -> None:
        if stack is None and patch[0] == patch[1]:
            stack = SQUARE_STACKS.get(patch[0])
        super().__init__(patch, dropout, num_classes=num_classes, stack=stack)
        self.upright = direction == "vertical"
        self.classifier = nn.Linear(self.classifier.in_features // 2, num_classes)
        nn.init.xavier_uniform_(self.classifier.weight, nn.init.calculate_gain("relu"))
        nn.init.zeros_(self.classifier.bias)

    def forward_patches(self, vertical: Tensor, horizontal: Tensor) -> Tensor:
        """The definition: (N, 1, 100, 20) and (N, 1, 20, 100), one of which counts, to logits (N, classes)."""
        patches = vertical if self.upright else horizontal.transpose(2, 3)
        return self.classifier(torch.relu(self.vertical.features(patches)).flatten(1))

    def judge(self, upright: Tensor, across: Tensor, strided: int = 0) -> Tensor:
        """Logits of an image already padded, see `CrossoverNet.judge`."""
        weight, bias = self.classifier.weight, self.classifier.bias
        if self.upright:
            return self.vertical(upright, strided, weight, bias)
        return self.vertical(across, strided, weight, bias).transpose(2, 3)


class StridedNet(nn.Module):
    """What the trainer calls for networks of one logit map: every fourth (eighth) pixel, as `LatticeNet` does.

    Shape:
        image (B, 1, H, W) -> logits (B, classes, ceil(H/4), ceil(W/4)).
    """

    def __init__(self, net: CrossoverNet) -> None:
        super().__init__()
        self.net = net.to(memory_format=torch.channels_last)
        self.stride: int = 2**net.vertical.pools

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image, stride=self.stride)
