"""Reading images, with a sentence when a file is damaged."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import ImageReader
from monai.transforms import LoadImage, LoadImaged

from patchseg.errors import InputError


class LoadScand(LoadImaged):
    """MONAI's LoadImaged, except that a file it cannot read is named in an InputError.

    Args: as LoadImaged.

    Raises:
        InputError: a file that is missing, cut short, or no image.
    """

    def __call__(self, data: Mapping[Hashable, Any], reader: ImageReader | None = None) -> dict[Hashable, Any]:
        try:
            return super().__call__(data, reader)
        except Exception as error:  # each reader fails in its own ways on a damaged file
            for key in self.key_iterator(data):
                _load(self._loader, data[key])
            raise error


def require_label(cases: Sequence[Mapping[str, Any]], value: int) -> None:
    """Refuse cases none of which has a label of this value. Reads labels up to the first that has it.

    Args:
        cases: records with `label`, as from `find_cases`.
        value: the label value that is to be learnt or measured.

    Raises:
        InputError: no label file holds the value, or one cannot be read.
    """
    loader = LoadImage(image_only=True)
    if not any(bool((np.asarray(_load(loader, case["label"])) == value).any()) for case in cases):
        raise InputError(
            f"none of the {len(cases)} label files holds the value {value} (the first is {cases[0]['label']}): "
            "give the tumour's value as --tumour_label."
        )


def _load(loader: LoadImage, file: str | Path) -> Any:
    try:
        return loader(file)
    except Exception as error:
        raise InputError(
            f"{file} cannot be read as an image: it is damaged or of another format; replace the file."
        ) from error
