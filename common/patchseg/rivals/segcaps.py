"""SegCaps: a U-Net of capsules with locally constrained routing (LaLonde and Bagci, 2018)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SegCaps(nn.Module):
    """Capsules over an image: at each pixel a few vectors, whose length says how sure and whose direction what.

    Three levels down and up, 5x5 kernels, transposed 4x4 ones to go up; the capsules of the way down join in again
    on the way up. One round of routing until the first vectors of 32, then three. The published network also
    rebuilds the object's pixels from the last capsule, as a regulariser while training: left out here.

    Shape:
        (B, 1, H, W) -> (B, 2, H, W) logits; H and W are multiples of 8. Their softmax is 1 - p and p, p being the
        length of the last capsule.

    >>> SegCaps()(torch.zeros(1, 1, 16, 24)).shape
    torch.Size([1, 2, 16, 24])
    """

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Conv2d(1, 16, 5, padding=2)
        self.down1 = Capsules(16, 2, 16, rounds=1, stride=2)
        self.level1 = Capsules(16, 4, 16, rounds=1)
        self.down2 = Capsules(16, 4, 32, stride=2)
        self.level2 = Capsules(32, 8, 32)
        self.down3 = Capsules(32, 8, 64, stride=2)
        self.level3 = Capsules(64, 8, 32)
        self.up2 = Capsules(32, 8, 32, up=True)
        self.joined2 = Capsules(32, 4, 32)
        self.up1 = Capsules(32, 4, 16, up=True)
        self.joined1 = Capsules(16, 4, 16)
        self.up0 = Capsules(16, 2, 16, up=True)
        self.object = Capsules(16, 1, 16, kernel=1)

    def forward(self, image: Tensor) -> Tensor:
        pixels = F.relu(self.pixels(image))[:, None]
        level1 = self.level1(self.down1(pixels))
        level2 = self.level2(self.down2(level1))
        deep = self.level3(self.down3(level2))
        deep = self.joined2(torch.cat([self.up2(deep), level2], 1))
        deep = self.joined1(torch.cat([self.up1(deep), level1], 1))
        found = self.object(torch.cat([self.up0(deep), pixels], 1))
        length = found[:, 0].square().sum(1, keepdim=True).clamp(1e-12).sqrt().clamp(1e-6, 1 - 1e-6)
        return torch.cat([torch.log1p(-length), length.log()], 1)


class Capsules(nn.Module):
    """A layer of capsules: every capsule below votes for each one here, within a kernel; those that agree count.

    All capsules below share one kernel, as published.

    Args:
        below: numbers in each vector below.
        count, size: capsules at each pixel here, and numbers in each.
        rounds: of routing; one is the plain mean of the votes.
        stride: 2 halves the sides.
        kernel: odd.
        up: doubles the sides with a transposed 4x4 kernel.

    Shape:
        (B, capsules below, below, H, W) -> (B, count, size, h, w).
    """

    def __init__(
        self,
        below: int,
        count: int,
        size: int,
        rounds: int = 3,
        stride: int = 1,
        kernel: int = 5,
        up: bool = False,
    ) -> None:
        super().__init__()
        self.count, self.size, self.rounds = count, size, rounds
        channels = count * size
        self.votes = (
            nn.ConvTranspose2d(below, channels, 4, stride=2, padding=1, bias=False)
            if up
            else nn.Conv2d(below, channels, kernel, stride=stride, padding=kernel // 2, bias=False)
        )
        self.bias = nn.Parameter(torch.full((count, size, 1, 1), 0.1))
        nn.init.kaiming_normal_(self.votes.weight)

    def forward(self, capsules: Tensor) -> Tensor:
        votes = self.votes(capsules.flatten(0, 1))
        votes = votes.unflatten(0, capsules.shape[:2]).unflatten(2, (self.count, self.size))
        agreement = votes.new_zeros(*votes.shape[:3], 1, *votes.shape[4:])
        for left in range(self.rounds - 1, -1, -1):
            here = squash((agreement.softmax(2) * votes).sum(1) + self.bias)
            if left:
                agreement = agreement + (votes * here[:, None]).sum(3, keepdim=True)
        return here


def squash(vectors: Tensor) -> Tensor:
    """(B, count, size, H, W): directions kept, lengths brought to 0..1; short ones to almost nothing."""
    squares = vectors.square().sum(2, keepdim=True)
    return vectors * squares / (1 + squares) / (squares + 1e-9).sqrt()
