"""Reading images, with a sentence when a file is damaged."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data import ImageReader
from monai.transforms import LoadImage, LoadImaged, MapLabelValue
from monai.utils import ensure_tuple

from patchseg.data.drawn import DrawnReader
from patchseg.errors import InputError


class LoadScand(LoadImaged):
    """MONAI's LoadImaged, except that a file it cannot read is named in an InputError, and headers are believed.

    A label that is a list of files, as `find_cases` gives it for contours and the like, is drawn
    (`DrawnReader`). A record's `renumber` (`orig_labels` and `target_labels`, as MONAI's MapLabelValue has them)
    changes the label's values, for data sets that number them otherwise than the rest.

    Args: as LoadImaged.

    Raises:
        InputError: a file that is missing, cut short, or no image.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register(DrawnReader())

    def __call__(self, data: Mapping[Hashable, Any], reader: ImageReader | None = None) -> dict[Hashable, Any]:
        try:
            loaded = super().__call__(data, reader)
        except Exception as error:  # each reader fails in its own ways on a damaged file
            for key in self.key_iterator(data):
                _load(self._loader, data[key])
            raise error
        for key in self.key_iterator(loaded):
            _as_stored(loaded[key], data[key])
        if "renumber" in data and "label" in self.keys:
            loaded["label"] = MapLabelValue(**data["renumber"])(loaded["label"])
        return loaded


def require_label(
    cases: Sequence[Mapping[str, Any]], values: int | Sequence[int], option: str = "tumour_label"
) -> None:
    """Refuse cases none of which has a label of these values. Reads labels up to the first that has one.

    Args:
        cases: records with `label`, as from `find_cases`.
        values: the label value, or values, to be learnt or measured.
        option: the config's key for it, named in the message.

    Raises:
        InputError: no label file holds the value, or one cannot be read.
    """
    load = LoadScand("label")
    wanted = [values] if isinstance(values, int) else list(values)
    if not any(np.isin(np.asarray(load(case)["label"]), wanted).any() for case in cases):
        shown = " or ".join(str(value) for value in wanted)
        first = ensure_tuple(cases[0]["label"])[0]
        raise InputError(
            f"none of the {len(cases)} label files holds the value {shown} (the first is {first}): "
            f"give the right one as --{option}."
        )


def _as_stored(image: Any, file: Any) -> None:
    """Give a NIfTI image the affine that its header states.

    MONAI takes the qform instead of an sform whose spacing is not the header's pixdim to five digits, even a qform
    that is declared void: an axis order, an origin and a NaN are gone without a word.
    """
    if not str(file).lower().endswith((".nii", ".nii.gz")) or image.affine.shape != (4, 4):
        return
    affine = torch.as_tensor(nib.load(file).affine, dtype=torch.float64)
    if not torch.equal(affine, image.affine):
        image.affine = affine
        image.meta["original_affine"] = affine.numpy().copy()


def _load(loader: LoadImage, file: str | Path | Sequence[str]) -> Any:
    try:
        return loader(file)
    except InputError:
        raise
    except Exception as error:
        file = ensure_tuple(file)[-1]  # of a label that is drawn, the image
        raise InputError(
            f"{file} cannot be read as an image: it is damaged or of another format; replace the file."
        ) from error
