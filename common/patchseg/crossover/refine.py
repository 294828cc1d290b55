"""Every fourth pixel first, then every pixel wherever neighbours on that lattice disagree."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from monai.utils import convert_to_dst_type, convert_to_tensor
from scipy import ndimage
from torch import Tensor, nn

from patchseg.precision import at_precision
from patchseg.runtimes import at_runtime

from .lattice import interpolated
from .network import CrossoverNet
from .rows_first import SharedMaps, Window, applies


class RefinedLattice(nn.Module):
    """Crossover-Net where it matters: every pixel near the edges of the mask, the lattice elsewhere.

    A tumour's inside and all that is far from it need no second look. The strided network judges one pixel in four
    (eight) each way; between neighbours of one class logits are interpolated, and where classes meet every pixel
    is judged, in one window over each connected place. Smaller windows would judge fewer pixels, but each needs
    the maps 50 pixels around itself. An object smaller than the lattice can be missed. For inference.

    Args:
        net: the network. precision: see `patchseg.precision.at_precision`.
        runtime: what computes the lattice, see `patchseg.runtimes.at_runtime`. Windows have any size, so torch
            computes them: it compiles nothing first. With "torch" and float32 on CPUs both read the same maps.

    Shape:
        image (B, 1, H, W) -> logits (B, classes, H, W): the network's at rows and columns 0, 4, 8, ... and in the
        windows.

    >>> import torch
    >>> RefinedLattice(CrossoverNet().eval())(torch.zeros(1, 1, 30, 17)).shape
    torch.Size([1, 2, 30, 17])
    """

    def __init__(self, net: CrossoverNet, runtime: str = "torch", precision: str = "float32") -> None:
        super().__init__()
        self.net = net
        self.whole = at_runtime(net, runtime, precision)
        self.window = at_precision(CrossWindow(net), precision)
        self.stride: int = 2**net.vertical.pools
        self.shares = runtime == "torch" and precision == "float32"

    def forward(self, image: Tensor) -> Tensor:
        plain = convert_to_tensor(image, track_meta=False)
        logits = torch.cat([self._refined(one) for one in plain.split(1)])
        return convert_to_dst_type(logits, image)[0]  # a MetaTensor stays one

    def _refined(self, image: Tensor) -> Tensor:
        stride, size = self.stride, image.shape[2:]
        maps = SharedMaps(self.net, image) if self.shares and applies(self.net.vertical, image) else None
        lattice = maps.lattice() if maps else self.whole(image, stride=stride)
        lattice = lattice[..., : -(-size[0] // stride), : -(-size[1] // stride)]
        if stride == 1:
            return lattice  # no pooling drops a pixel
        logits = interpolated(lattice, stride, size)
        classes = lattice[0].movedim(0, 2).contiguous().argmax(2)  # side by side in memory: three times as fast
        places = windows(disagreeing(classes), stride)
        found = maps.windows(places) if maps else self._windows(image, places)
        for (row, col, height, width), judged in zip(places, found, strict=True):
            part = logits[..., row : row + height, col : col + width]
            part.copy_(judged[..., : part.shape[2], : part.shape[3]])
        return logits

    def _windows(self, image: Tensor, places: Sequence[Window]) -> list[Tensor]:
        """The plain form of `SharedMaps.windows`: each from the part of the image that its patches see."""
        margin = self.net.patch[0] // 2
        padded = F.pad(image, [margin, margin + self.stride] * 2)
        seen = 2 * margin - 1
        return [
            self.window(padded[..., row : row + height + seen, col : col + width + seen])
            for row, col, height, width in places
        ]


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


def windows(cells: np.ndarray, cell: int) -> list[Window]:
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
