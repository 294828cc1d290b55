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
    loader = LoadImage(image_only=True)
    wanted = [values] if isinstance(values, int) else list(values)
    if not any(np.isin(np.asarray(_load(loader, case["label"])), wanted).any() for case in cases):
        shown = " or ".join(str(value) for value in wanted)
        raise InputError(
            f"none of the {len(cases)} label files holds the value {shown} (the first is {cases[0]['label']}): "
            f"give the right one as --{option}."
        )


def _load(loader: LoadImage, file: str | Path) -> Any:
    try:
        return loader(file)
    except Exception as error:
        raise InputError(
            f"{file} cannot be read as an image: it is damaged or of another format; replace the file."
        ) from error
