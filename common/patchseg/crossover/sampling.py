"""Which pixels are worth training on: many at the boundary, some inside, ever fewer further away."""

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from scipy.ndimage import distance_transform_edt


def pixel_weights(
    label: np.ndarray, band: float = 4.0, inside: float = 0.25, falloff: float = 1.0, empty: float = 0.02
) -> np.ndarray:
    """How likely each pixel is drawn as the centre of a training pair (Crossover-Net, III-C).

    1 within `band` pixels of the boundary on both sides, `inside` in the rest of the object, and outside
    ``(band / distance) ** falloff``: the further away, the sparser. A slice without the object has `empty`
    everywhere.

    Args:
        label: (H, W), non-zero in the object.

    Returns:
        (H, W) float32 in 0..1.

    >>> pixel_weights(np.array([[0, 0, 0, 1, 1, 1]]), band=1)
    array([[0.33333334, 0.5       , 1.        , 1.        , 0.25      ,
            0.25      ]], dtype=float32)
    """
    mask = label > 0
    if not mask.any():
        return np.full(label.shape, empty, np.float32)
    outside_by = distance_transform_edt(~mask)
    weights = (band / np.maximum(outside_by, band)) ** falloff
    if not mask.all():
        weights = np.where(mask, np.where(distance_transform_edt(mask) <= band, 1.0, inside), weights)
    return weights.astype(np.float32)


class SamplePixelsd(MapTransform, RandomizableTransform):
    """Put the pixel weights behind the label: (1, H, W) label -> (2, H, W) label and weight, float32.

    The lattice computes every fourth pixel anyway, so by default each counts with its probability; with
    `draw` every pixel is kept or dropped by chance and counts 1, the paper's sampling.

    Args:
        keys: labels, 2D. band, inside, falloff, empty: see `pixel_weights`; band in pixels.
        draw: weights 0 and 1 by chance instead of probabilities.

    Raises:
        ValueError: for a label that is not (1, H, W).
    """

    def __init__(
        self,
        keys: KeysCollection,
        band: float = 4.0,
        inside: float = 0.25,
        falloff: float = 1.0,
        empty: float = 0.02,
        draw: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self)
        self.shape = {"band": band, "inside": inside, "falloff": falloff, "empty": empty}
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
