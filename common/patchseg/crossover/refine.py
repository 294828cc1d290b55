"""Every fourth pixel first, then every pixel wherever neighbours on that lattice disagree."""

import numpy as np
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn

from patchseg.precision import at_precision
from patchseg.runtimes import at_runtime

from .lattice import InterpolatedLattice
from .network import CrossoverNet


class RefinedLattice(nn.Module):
    """Crossover-Net where it matters: every pixel near the edges of the mask, the lattice elsewhere.

    A tumour's inside and all that is far from it need no second look. The strided network judges one pixel in four
    (eight) each way; between neighbours of one class logits are interpolated, and where classes meet every pixel
    is judged, in one window over each connected place. Smaller windows would judge fewer pixels, but each first
    computes the maps 50 pixels around itself. An object smaller than the lattice can be missed. For inference.

    Args:
        net: the network. precision: see `patchseg.precision.at_precision`.
        runtime: what computes the lattice, see `patchseg.runtimes.at_runtime`. Windows have any size, so torch
            computes them: it compiles nothing first.

    Shape:
        image (B, 1, H, W) -> logits (B, classes, H, W): the network's at rows and columns 0, 4, 8, ... and in the
        windows.

    >>> import torch
    >>> RefinedLattice(CrossoverNet().eval())(torch.zeros(1, 1, 30, 17)).shape
    torch.Size([1, 2, 30, 17])
    """

    def __init__(self, net: CrossoverNet, runtime: str = "torch", precision: str = "float32") -> None:
        super().__init__()
        self.lattice = InterpolatedLattice(net)
        self.lattice.net = at_runtime(net, runtime, precision)
        self.window = at_precision(CrossWindow(net), precision)
        self.stride = self.lattice.stride
        self.margin = net.patch[0] // 2

    def forward(self, image: Tensor) -> Tensor:
        logits = self.lattice(image)
        padded = F.pad(image, [self.margin, self.margin + self.stride] * 2)
        for item, classes in enumerate(logits[:, :, :: self.stride, :: self.stride].argmax(1)):
            for row, col, height, width in windows(disagreeing(classes), self.stride):
                below, beyond = row + height + 2 * self.margin - 1, col + width + 2 * self.margin - 1
                found = self.window(padded[item : item + 1, :, row:below, col:beyond])
                part = logits[item, :, row : row + height, col : col + width]
                part.copy_(found[0, :, : part.shape[1], : part.shape[2]])
        return logits


class CrossWindow(nn.Module):
    """The dense network on windows, each given with all that the patches of its pixels see.

    Shape:
        (B, 1, height + 99, width + 99), from 50 rows and columns before the window -> logits (B, classes, height,
        width). The sides are multiples of two to the number of poolings.
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


def windows(cells: np.ndarray, cell: int) -> list[tuple[int, int, int, int]]:
    """The smallest windows of pixels over marked cells that touch, corners included.

    Args:
        cells: (h, w) bool. cell: pixels of its side.

    Returns:
        First row, first column, height and width of each.

    >>> windows(np.eye(3, 4, k=1, dtype=bool), cell=4)
    [(0, 4, 12, 12)]
    """
    regions, _ = ndimage.label(cells, np.ones((3, 3)))
    return [
        (cell * rows.start, cell * cols.start, cell * (rows.stop - rows.start), cell * (cols.stop - cols.start))
        for rows, cols in ndimage.find_objects(regions)
    ]
