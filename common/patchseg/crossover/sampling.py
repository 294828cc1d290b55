"""Which pixels are worth training on: many at the boundary, some inside, ever fewer further away."""

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from scipy.ndimage import distance_transform_edt


def pixel_weights(
    label: np.ndarray, band: float = 4.0, inside: float = 1.0, falloff: float = 1.5, far: float = 0.15
) -> np.ndarray:
    """How likely each pixel is drawn as the centre of a training pair (Crossover-Net, III-C).

    1 within `band` pixels of the boundary on both sides, `inside` in the rest of the object, and outside
    ``(band / distance) ** falloff``: the further away, the sparser, but never below `far`, or a network that
    is to search whole slices would hardly ever see the liver. A slice without the object has `far` everywhere.

    Args:
        label: (H, W), non-zero in the object.

    Returns:
        (H, W) float32 in 0..1.

    >>> pixel_weights(np.array([[0, 0, 0, 1, 1, 1]]), band=1, inside=0.25, falloff=2, far=0.2).tolist()
    [[0.20000000298023224, 0.25, 1.0, 1.0, 0.25, 0.25]]
    """
    mask = label > 0
    if not mask.any():
        return np.full(label.shape, far, np.float32)
    outside_by = distance_transform_edt(~mask)
    weights = np.maximum((band / np.maximum(outside_by, band)) ** falloff, far)
    if not mask.all():
        weights = np.where(mask, np.where(distance_transform_edt(mask) <= band, 1.0, inside), weights)
    return weights.astype(np.float32)


class SamplePixelsd(MapTransform, RandomizableTransform):
    """Put the pixel weights behind the label: (1, H, W) label -> (2, H, W) label and weight, float32.

    The lattice computes every fourth pixel anyway, so by default each counts with its probability; with
    `draw` every pixel is kept or dropped by chance and counts 1, the paper's sampling.

    Args:
        keys: labels, 2D. band, inside, falloff, far: see `pixel_weights`; band in pixels.
        draw: weights 0 and 1 by chance instead of probabilities.

    Raises:
        ValueError: for a label that is not (1, H, W).
    """

    def __init__(
        self,
        keys: KeysCollection,
        band: float = 4.0,
        inside: float = 1.0,
        falloff: float = 1.5,
        far: float = 0.15,
        draw: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self)
        self.shape = {"band": band, "inside": inside, "falloff": falloff, "far": far}
        self.draw = draw

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        d = dict(data)
        for key in self.key_iterator(d):
            label = torch.as_tensor(d[key])
            if label.ndim != 3 or label.shape[0] != 1:
                raise ValueError(f"{key}: expected a 2D label (1, H, W), got {tuple(label.shape)}")
            weights = pixel_weights(label[0].numpy(), **self.shape)
            if self.draw:
                weights = (self.R.random_sample(weights.shape) < weights).astype(np.float32)
            d[key] = torch.cat([label.float(), torch.from_numpy(weights)[None]])
        return d
