"""Crossover-Net: every pixel is judged from a vertical and a horizontal patch that cross in it."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from patchseg.errors import InputError

from .fragments import join_phases, pool_phases
from .rows_first import rows_first
from .stacks import STACKS, map_sizes, parse_stack


class CrossoverOutput(NamedTuple):
    """Logits with the feature maps that the constraint loss reads; of an image's lattice or of patch pairs.

    Attributes:
        logits: (B, classes, h, w), one per lattice pixel; (N, classes, 1, 1) for N patch pairs.
        vertical: (B, C, ..., ...) map of the vertical branch; lattice pixel (i, j) owns the rows from
            ``i * step`` and the columns from ``j * step``.
        horizontal: the same of the horizontal branch, transposed as the branch computes it: lattice pixel
            (i, j) owns the rows from ``j * step`` and the columns from ``i * step``.
        step: map rows per lattice row.
    """

    logits: Tensor
    vertical: Tensor
    horizontal: Tensor
    step: int


class Branch(nn.Module):
    """One arm of the cross: convolution, dropout and ReLU repeated, poolings between (Crossover-Net, Fig. 2).

    Args:
        stack: layers as `stacks.parse_stack` reads them.
        dropout: probability, after each convolution.
    """

    def __init__(self, stack: str, dropout: float = 0.0) -> None:
        super().__init__()
        convs = parse_stack(stack)
        widths = [1, *(conv.channels for conv in convs)]
        self.convs = nn.ModuleList(
            nn.Conv2d(before, conv.channels, (conv.rows, conv.cols))
            for before, conv in zip(widths, convs, strict=False)
        )
        self.dropout = nn.Dropout(dropout)
        self.pool_after: list[bool] = [conv.pool_after for conv in convs]
        self.pools: int = sum(self.pool_after)

    def features(self, patches: Tensor) -> Tensor:
        """The definition: vertical patches (N, 1, rows, columns) to features (N, 500, 1, 1)."""
        return self.features_and_map(patches, 1)[0]

    def features_and_map(self, image: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """`features`, and the map of convolution number `layer` (1 for conv1) before its pooling."""
        found = image
        for index, conv in enumerate(self.convs):
            image = self.dropout(_convolved(conv, image))
            if index + 1 == layer:
                image = found = F.relu(image)
            if self.pool_after[index]:
                image = F.max_pool2d(image, 2)
            if index + 1 != layer:
                image = F.relu(image)  # after the pooling, which gives the same from a quarter of the numbers
        return image, found

    def forward(self, image: Tensor, strided: int, weight: Tensor, bias: Tensor | None) -> Tensor:
        """All pixels at once: `features`, read by a linear layer, of the patch around every pixel.

        Only the first `strided` poolings drop pixels; the later ones split the map into its four 2x2 phases,
        which go on as a batch. ReLU works channel by channel and the linear layer is a sum over channels, so
        each branch can be read apart, a phase at a time: the 500 channels of all pixels never exist at once
        (unless gradients need them). Where only the answer counts, on CPUs, `rows_first` computes it faster.

        Args:
            image: (B, 1, H + 99, W + 19), padded by the caller.
            weight: (classes, 500), this branch's half of the linear layer. bias: (classes,) or None.

        Returns:
            (B, classes, h, w), h and w being H and W over 2 ** strided.
        """
        if not torch.jit.is_scripting():
            found = rows_first(self, image, strided, weight, bias)
            if found is not None:
                return found
        done = 0
        for index, conv in enumerate(self.convs):
            if index + 1 < len(self.convs):
                image = self.dropout(conv(image))
                if self.pool_after[index]:
                    image = F.max_pool2d(image, 2) if done < strided else pool_phases(image)
                    done += 1
                image = F.relu(image)
        parts = [image] if self.training else image.split(1)
        kernel = weight[:, :, None, None]
        logits = torch.cat([F.conv2d(F.relu(self.dropout(self.convs[-1](part))), kernel, bias) for part in parts])
        for _ in range(self.pools - strided):
            logits = join_phases(logits)
        return logits


def _convolved(conv: nn.Conv2d, maps: Tensor) -> Tensor:
    """A convolution; over a single position it is a linear layer, and computed as one.

    The gradient of a convolution to one position reads beyond the end of what it is given (torch 2.13 on CPUs, 500
    channels last): multiplied by zero, but where a NaN happens to lie there, all weights before become NaN.
    """
    if maps.shape[2:] != conv.kernel_size:
        return conv(maps)
    return F.linear(maps.flatten(1), conv.weight.flatten(1), conv.bias)[:, :, None, None]


class CrossoverNet(nn.Module):
    """Crossover-Net as an ordinary image-to-logits network, exact at every pixel (Crossover-Net, III-A).

    Pixel (r, c) is judged from a vertical patch, 100 rows from r - 50 and 20 columns from c - 10, and from a
    horizontal one, 20 rows from r - 10 and 100 columns from c - 50; outside the image is zero. Both run
    through one branch, the horizontal patch transposed; their 500 features each are concatenated, rectified
    and read by one linear layer. `forward_patches` is that definition; `forward` gives the same numbers for a
    whole image at a small part of the cost.

    Args:
        patch: rows and columns of the vertical patch: (100, 20), (340, 68) or (500, 50); any even sizes with
            a `stack` of your own that reduces them to one pixel.
        dropout: probability after each convolution.
        shared: one branch for both directions (the paper's size, 364,458 parameters); False for two.
        num_classes: logits per pixel.
        stack: layers, see `patchseg.crossover.stacks`; None takes those of `patch`.

    Shape:
        image (B, 1, H, W) -> logits (B, num_classes, H, W), or (B, num_classes, ceil(H/s), ceil(W/s)) at rows
        and columns 0, s, 2s, ... with stride s.

    Raises:
        InputError: for a patch without a stack, or a stack that does not fit its patch.

    >>> net = CrossoverNet(patch=(100, 20)).eval()
    >>> sum(p.numel() for p in net.parameters())
    364458
    >>> net(torch.zeros(1, 1, 30, 17)).shape, net(torch.zeros(1, 1, 30, 17), stride=4).shape
    (torch.Size([1, 2, 30, 17]), torch.Size([1, 2, 8, 5]))
    """

    def __init__(
        self,
        patch: tuple[int, int] = (100, 20),
        dropout: float = 0.0,
        shared: bool = True,
        num_classes: int = 2,
        stack: str | None = None,
    ) -> None:
        super().__init__()
        patch = (int(patch[0]), int(patch[1]))
        if stack is None and patch not in STACKS:
            known = ", ".join(f"{rows}x{cols}" for rows, cols in STACKS)
            raise InputError(
                f"patch {patch[0]}x{patch[1]} has no stack of its own; give 'stack', or take one of {known}"
            )
        self.patch = patch
        self.stack = stack or STACKS[patch]
        map_sizes(parse_stack(self.stack), patch)
        self.vertical = Branch(self.stack, dropout)
        self.horizontal = self.vertical if shared else Branch(self.stack, dropout)
        self.classifier = nn.Linear(2 * parse_stack(self.stack)[-1].channels, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                # Without ReLU's gain seven layers shrink the signal tenfold, and training waits on a plateau.
                nn.init.xavier_uniform_(module.weight, nn.init.calculate_gain("relu"))
                nn.init.zeros_(module.bias)

    def forward_patches(self, vertical: Tensor, horizontal: Tensor) -> Tensor:
        """The definition: N pairs of patches, (N, 1, 100, 20) and (N, 1, 20, 100), to logits (N, classes)."""
        features = (self.vertical.features(vertical), self.horizontal.features(horizontal.transpose(2, 3)))
        return self.classifier(torch.cat(features, 1).flatten(1))

    def forward(self, image: Tensor, stride: int = 1) -> Tensor:
        """Logits of every pixel, or of every `stride`-th row and column.

        `stride` is a power of two up to two to the number of poolings (4 for 100x20).
        """
        strided = 0
        while 1 << strided < stride:
            strided += 1
        if 1 << strided != stride or strided > self.vertical.pools:
            raise ValueError(f"stride {stride}: take a power of two up to {1 << self.vertical.pools}")
        rows, cols = image.shape[2], image.shape[3]
        logits = self.judge(self.pad(image), self.pad(image.transpose(2, 3)), strided)
        return logits[:, :, : (rows + stride - 1) // stride, : (cols + stride - 1) // stride]

    def judge(self, upright: Tensor, across: Tensor, strided: int = 0) -> Tensor:
        """Logits of an image already padded: (B, 1, H + 99, W + 19) and, transposed, (B, 1, W + 99, H + 19).

        H and W are multiples of two to the number of poolings; the logits are (B, classes, h, w) as from `Branch`.
        """
        first, second = self.classifier.weight.chunk(2, 1)
        logits = self.vertical(upright, strided, first, self.classifier.bias)
        return logits + self.horizontal(across, strided, second, None).transpose(2, 3)

    def pad(self, image: Tensor) -> Tensor:
        """Zeros around the image, so that every pixel has its vertical patch; sides rounded up for the phases."""
        rows, cols = self.patch
        step = 1 << self.vertical.pools
        extra_rows, extra_cols = -image.shape[2] % step, -image.shape[3] % step
        sides = [cols // 2, cols // 2 - 1 + extra_cols, rows // 2, rows // 2 - 1 + extra_rows]
        return F.pad(image, sides)
