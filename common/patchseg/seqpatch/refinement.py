"""From the mean of overlapping patches to an outline."""

from collections.abc import Callable

import numpy as np
from skimage.segmentation import morphological_chan_vese

SURE = 0.9  # where almost all patches say foreground
ITERATIONS = 20  # pixels that the level set can grow at most
INSIDE, OUTSIDE = 0.51, 0.49  # probabilities of pixels that the outline moves across 0.5


def chan_vese(probability: np.ndarray) -> np.ndarray:
    """Grow a Chan-Vese level set in the probabilities from where almost all patches agree, as the authors do.

    The outline then lies where the probability is as far from its mean inside as from its mean outside, and is
    smooth, instead of at 0.5.

    Args:
        probability: (H, W) in 0..1.

    Returns:
        The same, above 0.5 inside the outline and below it outside; unchanged where nothing is sure.

    >>> probability = np.zeros((32, 32))
    >>> probability[8:20, 8:20], probability[10:18, 10:18] = 0.45, 1.0
    >>> int((probability > 0.5).sum()), int((chan_vese(probability) > 0.5).sum()) > 64
    (64, False)
    """
    sure = probability > SURE
    if not sure.any():
        return probability
    inside = morphological_chan_vese(probability, ITERATIONS, init_level_set=sure, smoothing=1) > 0
    return np.where(inside, np.maximum(probability, INSIDE), np.minimum(probability, OUTSIDE))


def none(probability: np.ndarray) -> np.ndarray:
    """The outline at a probability of 0.5."""
    return probability


REFINEMENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"none": none, "chan_vese": chan_vese}
