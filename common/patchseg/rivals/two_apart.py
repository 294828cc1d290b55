"""A vertical and a horizontal network that share nothing, and what both say together (Fig. 8; Crossbar-Net)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patchseg.crossover.loss import CrossoverLoss, on_lattice

from .one_branch import OneBranchNet, StridedNet


class TwoApartNet(nn.Module):
    """A vertical and a horizontal `OneBranchNet`; the answer is the mean of their probabilities.

    With two voters that is the majority, the surer one deciding a tie.

    Args:
        patch, dropout, num_classes, stack: of both, as in `OneBranchNet`.

    Shape:
        As in `CrossoverNet`. The softmax of the logits is the mean of the two networks'.

    >>> TwoApartNet().eval()(torch.zeros(1, 1, 30, 17), stride=4).shape
    torch.Size([1, 2, 8, 5])
    """

    def __init__(
        self,
        patch: tuple[int, int] = (100, 20),
        dropout: float = 0.0,
        num_classes: int = 2,
        stack: str | None = None,
    ) -> None:
        super().__init__()
        self.vertical = OneBranchNet(patch, "vertical", dropout, num_classes, stack)
        self.horizontal = OneBranchNet(patch, "horizontal", dropout, num_classes, stack)

    def forward(self, image: Tensor, stride: int = 1) -> Tensor:
        """Logits of every pixel, or of every `stride`-th row and column."""
        return _mean(self.vertical(image, stride), self.horizontal(image, stride))

    def forward_patches(self, vertical: Tensor, horizontal: Tensor) -> Tensor:
        """The definition: N pairs of patches, (N, 1, 100, 20) and (N, 1, 20, 100), to logits (N, classes)."""
        nets = (self.vertical, self.horizontal)
        return _mean(*(net.forward_patches(vertical, horizontal) for net in nets))


class TwoApartLattice(nn.Module):
    """What the trainer calls: both networks' logits on the lattice, one behind the other.

    Shape:
        image (B, 1, H, W) -> (B, 2 * classes, ceil(H/4), ceil(W/4)), the vertical network's first.
    """

    def __init__(self, net: TwoApartNet) -> None:
        super().__init__()
        self.nets = nn.ModuleList([StridedNet(net.vertical), StridedNet(net.horizontal)])

    def forward(self, image: Tensor) -> Tensor:
        return torch.cat([net(image) for net in self.nets], 1)


class TwoApartLoss(nn.Module):
    """The sum of both networks' cross-entropies: as they share nothing, that trains each by itself.

    Args:
        attention: how much more a pixel counts for one network the surer the other is of the wrong class. 0 leaves
            them apart. Crossbar-Net trains its two networks in rounds, each on patches drawn anew where the other
            went wrong, and lets the networks of all rounds vote; here the weights follow the other network at
            every step, and the two networks of the end vote.

    Shape:
        logits (B, 2 * classes, h, w) of `TwoApartLattice`; target as in `CrossoverLoss`. Returns a scalar.
    """

    def __init__(self, attention: float = 0.0) -> None:
        super().__init__()
        self.attention = attention
        self.one = CrossoverLoss(constraint="none")

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        vertical, horizontal = logits.chunk(2, 1)
        target = on_lattice(target, logits)
        if not self.attention:
            return self.one(vertical, target) + self.one(horizontal, target)
        return self.one(vertical, self._attended(target, horizontal)) + self.one(
            horizontal, self._attended(target, vertical)
        )

    def _attended(self, target: Tensor, other: Tensor) -> Tensor:
        """The target with weights raised where the other network gives the true class little."""
        label = target[:, :1]
        wrong = 1 - other.detach().softmax(1).gather(1, label.long())
        weight = target[:, 1:] if target.shape[1] > 1 else torch.ones_like(label)
        return torch.cat([label, weight * (1 + self.attention * wrong)], 1)


def _mean(one: Tensor, other: Tensor) -> Tensor:
    """Logits whose softmax is the mean of both softmaxes."""
    return torch.logaddexp(F.log_softmax(one, 1), F.log_softmax(other, 1))
