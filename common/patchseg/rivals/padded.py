"""Image networks that want sides of a certain length, on images of any."""

import torch.nn.functional as F
from torch import Tensor, nn


class PaddedNet(nn.Module):
    """A 2D image network on any image: padded with zeros at the end to multiples of `multiple`, and cropped again.

    MONAI's VNet halves the sides four times and fails where that leaves a rest.

    Args:
        net: (B, C, H, W) to (B, classes, H, W).
        multiple: what both sides have to be multiples of.

    >>> import torch
    >>> PaddedNet(nn.Identity())(torch.zeros(1, 1, 30, 17)).shape
    torch.Size([1, 1, 30, 17])
    """

    def __init__(self, net: nn.Module, multiple: int = 16) -> None:
        super().__init__()
        self.net, self.multiple = net, multiple

    def forward(self, image: Tensor) -> Tensor:
        rows, cols = image.shape[2:]
        padded = F.pad(image, [0, -cols % self.multiple, 0, -rows % self.multiple])
        return self.net(padded)[:, :, :rows, :cols]
