"""Labels that are no image of their own: outlines, and masks in several files, drawn on the grid of the image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import itk
from monai.config import PathLike
from monai.data import ITKReader
from monai.utils import ensure_tuple

from patchseg.data.layouts_cbis import union_mask
from patchseg.data.layouts_inbreast import mass_mask
from patchseg.data.layouts_sunnybrook import contour_mask
from patchseg.errors import InputError

DRAW = {".txt": contour_mask, ".xml": mass_mask, ".dcm": union_mask}  # by the ending of a label's first file


class DrawnReader(ITKReader):
    """MONAI reader of a label given as a list of files: what is drawn first, the image it is drawn on last.

    The result has the image's size, spacing, origin and directions, so that the two agree pixel by pixel. Drawn
    are contours of the Sunnybrook data, XML files of INbreast and masks of CBIS-DDSM; see `contour_mask`,
    `mass_mask` and `union_mask` in the modules of these data sets.

    Raises:
        InputError: the image is no single picture in grey levels, or as the functions named.
    """

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        files = ensure_tuple(filename)
        return len(files) > 1 and Path(files[0]).suffix.lower() in DRAW

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        *files, image_file = (Path(name) for name in ensure_tuple(data))
        image = super().read(image_file, **kwargs)
        pixels = itk.array_view_from_image(image)
        *others, rows, columns = pixels.shape
        if others not in ([], [1]) or image.GetNumberOfComponentsPerPixel() != 1:
            raise InputError(f"{image_file} is no single picture in grey levels; give the one that was outlined.")
        mask = DRAW[files[0].suffix.lower()](files, (rows, columns))
        drawn = itk.image_from_array(mask.reshape(pixels.shape))
        drawn.CopyInformation(image)
        return drawn
