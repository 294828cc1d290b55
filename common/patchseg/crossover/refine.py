"""Every fourth pixel first, then every pixel wherever neighbours on that lattice disagree."""

import numpy as np
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn

from patchseg.runtimes import at_runtime

from .lattice import InterpolatedLattice
from .network import CrossoverNet

LARGEST = 6  # steps of a square's side; beyond, a larger one saves no more than it judges in vain


class RefinedLattice(nn.Module):
    """Crossover-Net where it matters: every pixel near the edges of the mask, the lattice elsewhere.

    A tumour's inside and all that is far from it need no second look. The strided network judges one pixel in four
    (eight) each way; between neighbours of one class logits are interpolated, and where classes meet every pixel
    is judged, in squares of 8 to 48 pixels that cover these places. An object smaller than the lattice can be
    missed. For inference.

    Args:
        net: the network. runtime, precision: what computes it, see `patchseg.runtimes.at_runtime`.

    Shape:
        image (B, 1, H, W) -> logits (B, classes, H, W): the network's at rows and columns 0, 4, 8, ... and in the
        squares.

    >>> import torch
    >>> RefinedLattice(CrossoverNet().eval())(torch.zeros(1, 1, 30, 17)).shape
    torch.Size([1, 2, 30, 17])
    """

    def __init__(self, net: CrossoverNet, runtime: str = "torch", precision: str = "float32") -> None:
        super().__init__()
        self.lattice = InterpolatedLattice(net)
        self.lattice.net = at_runtime(net, runtime, precision)
        self.squares = at_runtime(CrossSquares(net), runtime, precision)
        self.stride = self.lattice.stride
        self.grain = max(8, self.stride)
        self.margin = net.patch[0] // 2

    def forward(self, image: Tensor) -> Tensor:
        logits = self.lattice(image)
        largest = LARGEST * self.grain
        padded = F.pad(image, [self.margin, self.margin + largest] * 2)
        for item, classes in enumerate(logits[:, :, :: self.stride, :: self.stride].argmax(1)):
            for row, col, side in squares(disagreeing(classes), self.stride, self.grain, largest):
                end = side + 2 * self.margin - 1
                found = self.squares(padded[item : item + 1, :, row : row + end, col : col + end])
                part = logits[item, :, row : row + side, col : col + side]
                part.copy_(found[0, :, : part.shape[1], : part.shape[2]])
        return logits


class CrossSquares(nn.Module):
    """The dense network on squares, each given with all that the patches of its pixels see.

    Shape:
        (B, 1, side + 99, side + 99), from 50 rows and columns before the square -> logits (B, classes, side,
        side). The side is a multiple of two to the number of poolings.
    """

    def __init__(self, net: CrossoverNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, fields: Tensor) -> Tensor:
        arm = (self.net.patch[0] - self.net.patch[1]) // 2
        return self.net.judge(fields[..., arm:-arm], fields.transpose(2, 3)[..., arm:-arm])


def disagreeing(classes: Tensor) -> np.ndarray:
    """Cells of the lattice whose corners are of several classes: (h, w) whole numbers -> (h, w) bool.

    Cell (i, j) lies between the lattice pixels i and i + 1, j and j + 1; the last row and column end the image.

    >>> import torch
    >>> disagreeing(torch.tensor([[0, 0, 0], [0, 0, 1]])).tolist()
    [[False, True, True], [False, True, False]]
    """
    corners = F.pad(classes[None, None].float(), [0, 1, 0, 1], mode="replicate")
    return (F.max_pool2d(corners, 2, 1) != -F.max_pool2d(-corners, 2, 1))[0, 0].cpu().numpy()


def squares(cells: np.ndarray, cell: int, grain: int, largest: int) -> list[tuple[int, int, int]]:
    """Squares of pixels over all marked cells: one for cells that touch, several if it would be too large.

    Args:
        cells: (h, w) bool. cell: pixels of its side.
        grain: sides are multiples of it, so that a runtime meets few shapes. largest: side; a multiple of both.

    Returns:
        First row, first column and side of each.

    >>> squares(np.eye(3, dtype=bool), cell=4, grain=8, largest=48)
    [(0, 0, 16)]
    """
    regions, _ = ndimage.label(cells, np.ones((3, 3)))
    found, step = [], largest // cell
    for number, (rows, cols) in enumerate(ndimage.find_objects(regions), start=1):
        for top in range(rows.start, rows.stop, step):
            for left in range(cols.start, cols.stop, step):
                block = regions[top : min(top + step, rows.stop), left : min(left + step, cols.stop)] == number
                for down, right in ndimage.find_objects(block.astype(np.uint8)):
                    side = cell * max(down.stop - down.start, right.stop - right.start)
                    row, col = cell * (top + down.start), cell * (left + right.start)
                    found.append((row, col, -(-side // grain) * grain))
    return found
