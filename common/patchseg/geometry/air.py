"""Whether a click points at nothing."""

import numpy as np
from scipy import ndimage

DARK = 0.05  # of the way from the image's darkest value to its 99th percentile
SMOOTH = 3  # rows and columns averaged first: a finer grid averages less of the scanner's noise by itself
AROUND = 7  # rows and columns around a voxel that must all be dark


def in_air(image: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """Whether voxels lie in the air around the body: dark all around, in a region that reaches the slice's edge.

    Cysts and dark lesions are not air: tissue surrounds them, so their dark region ends before the edge. To refuse
    no click on an object, this is strict: air whose noise, averaged over three rows and columns, reaches above 5 %
    of the intensities is not recognised.

    Args:
        image: (rows, columns, slices), air the darkest; any scale.
        voxels: (N, 3) whole row, column, slice.

    Returns:
        (N,) bool.

    >>> body = np.zeros((60, 60, 1))
    >>> body[10:50, 10:50] = 1
    >>> body[20:40, 20:40] = 0  # a cyst
    >>> in_air(body, np.array([[4, 4, 0], [12, 12, 0], [30, 30, 0]])).tolist()
    [True, False, False]
    """
    smooth = ndimage.uniform_filter(np.asarray(image, dtype=np.float32), (SMOOTH, SMOOTH, 1), mode="nearest")
    darkest, bright = float(smooth.min()), float(np.percentile(image, 99))
    limit = darkest + DARK * (bright - darkest)
    found = np.zeros(len(voxels), bool)
    for index in np.unique(voxels[:, 2]):
        dark = ndimage.maximum_filter(smooth[..., index], AROUND, mode="nearest") <= limit
        at_edge = dark.copy()
        at_edge[1:-1, 1:-1] = False
        air = ndimage.binary_propagation(at_edge, mask=dark)
        here = voxels[:, 2] == index
        found[here] = air[voxels[here, 0], voxels[here, 1]]
    return found
