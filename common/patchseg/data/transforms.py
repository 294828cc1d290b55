"""Dictionary transforms between MONAI's LoadImaged and the network grid: one form, checked, scaled to 0..1.

They follow `LoadImaged(keys, ensure_channel_first=True)` in this order: `AsVolumed`, `CheckScand`,
`CheckLabeld`, `CTIntensityd`. All are stateless and touch no key but those given.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from monai.utils import ImageMetaKey, TraceKeys

from patchseg.data.checks import MAX_SPACING_MM, CheckLabeld, CheckScand, file_of
from patchseg.errors import InputError

__all__ = ["AsVolumed", "CTIntensityd", "CheckLabeld", "CheckScand"]


class AsVolumed(MapTransform, InvertibleTransform):
    """Give every image the form (1, X, Y, Z) with a 4x4 affine; a 2D image becomes one slice.

    A PNG is taken as an axial slice in the usual display: rows run from anterior to posterior, columns from
    the patient's right to the left. MONAI loads it as (1, column, row) without a header; the affine given
    here makes `Orientationd(axcodes="PLS")` turn it into (1, row, column, 1), equal to the PNG's rows and
    columns. A 2D file with a header keeps its in-plane geometry. 3D images pass unchanged.

    Colour images are taken if all colours are equal (alpha is dropped), 4D files if they hold one time point, or
    by the channel asked for: of MSD's Task05_Prostate, channel 0 is T2 and channel 1 ADC. A record may name its
    own time point, as `find_cases` does for M&Ms. The inverse, by `Invertd`, gives a prediction the file's own
    number of axes and affine back.

    Args:
        keys: images and labels, each a MetaTensor (1, X, Y), (1, X, Y, Z) or (channels, ...).
        spacing_key: record key of [row, column, slice] spacing in mm, for images without a header; 1 mm each
            if the record lacks it. For a 2D file with a header only the slice thickness is taken from it.
        channel: which channel of a 4D file with several is taken, from 0; None refuses such files. Files with one
            channel, such as the labels, pass with any.
        frame_key: record key of the time point to take, from 0; image and label are taken at the same. A mask that
            SaveImaged writes has it at the end of its name.

    Raises:
        InputError: several time points or channels with none chosen, or chosen by record and setting, a channel
            that is not there, a time point of the record that is empty while others are not, unequal colours, or a
            spacing that is not three numbers.

    >>> slice_ = MetaTensor(torch.zeros(1, 512, 400))  # as LoadImaged gives a PNG of 400 rows, 512 columns
    >>> data = AsVolumed("image")({"image": slice_, "spacing": [0.7, 0.8, 5.0]})
    >>> tuple(data["image"].shape), [float(x) for x in data["image"].affine.diagonal()]
    ((1, 512, 400, 1), [-0.8, -0.7, 5.0, 1.0])
    """

    def __init__(
        self,
        keys: KeysCollection,
        spacing_key: str = "spacing",
        allow_missing_keys: bool = False,
        channel: int | None = None,
        frame_key: str = "frame",
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        self.spacing_key = spacing_key
        self.channel = channel
        self.frame_key = frame_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        spacing = _record_spacing(d.get(self.spacing_key), self.spacing_key)
        frame = d.get(self.frame_key)
        for key in self.key_iterator(d):
            image = d[key]
            file = file_of(image, key)
            shape, affine = tuple(image.shape[1:]), image.affine.clone()
            if len(shape) > 3 and any(n != 1 for n in shape[3:]):
                raise InputError(f"{file} has {len(shape)} axes {shape}; give a 2D or 3D image.")
            # reshape even where the shape stays: the caller's tensor keeps its own stack of operations
            one = _one_channel(image, file, self.channel) if frame is None else self._at(image, file, int(frame))
            volume = one.reshape(1, *shape[:3], *[1] * (3 - len(shape)))
            if len(shape) == 2:
                volume.affine = _slice_affine(image, spacing)
            self.push_transform(volume, orig_size=shape, extra_info={"affine": affine})
            d[key] = volume
        return d

    def _at(self, image: MetaTensor, file: str, frame: int) -> MetaTensor:
        """One time point of a 4D image, which the record chose."""
        if self.channel is not None:
            raise InputError(
                f"{file} is read at time point {frame}, as its data set says; leave channel or frame out."
            )
        one = _one_channel(image, file, frame)
        if not one.any() and image.any():
            raise InputError(
                f"{file} is empty at time point {frame} and not at others; correct the data set's list of them."
            )
        one.meta = {**one.meta, ImageMetaKey.PATCH_INDEX: frame}
        return one

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Reshape (channels, X, Y, Z) to the file's own axes, for example (channels, X, Y) for a PNG."""
        d = dict(data)
        for key in self.key_iterator(d):
            applied = self.pop_transform(d[key])
            size = [int(n) for n in applied[TraceKeys.ORIG_SIZE]]
            d[key] = d[key].reshape(d[key].shape[0], *size)
            d[key].affine = applied[TraceKeys.EXTRA_INFO]["affine"]
        return d


class CTIntensityd(MapTransform):
    """CT intensities as float32 from 0 (air, and all below the window) to `top`.

    HU are clipped to `window` and scaled; images already windowed to 8 bit ("window8") count as 0..255.
    Which of the two an image is says the record's `intensity_key`. Without it (servers give none) the voxels
    decide: whole numbers in 0..255 are "window8", since every CT in HU has negative values (air, fat).

    Args:
        keys: images.
        window: lowest and highest HU, e.g. (-160, 240).
        top: what the highest becomes. Soft tissue fills the lower third of a window that reaches up to bone;
            a top of 4 gives it about unit size, which a network without normalisation layers needs to learn.
        intensity_key: record key that holds "HU" or "window8".

    Raises:
        InputError: the window is empty, the record says neither, "window8" values lie outside 0..255, or
            "HU" values look normalised.

    >>> scan = MetaTensor(torch.tensor([[[[-1000.0, -160.0, 40.0, 3000.0]]]]))
    >>> scaled = CTIntensityd("image", window=(-160, 240))({"image": scan, "intensity": "HU"})
    >>> scaled["image"].flatten().tolist()
    [0.0, 0.0, 0.5, 1.0]
    """

    def __init__(
        self,
        keys: KeysCollection,
        window: Sequence[float],
        top: float = 1.0,
        intensity_key: str = "intensity",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if len(window) != 2 or not window[0] < window[1]:
            raise InputError(f"window is {window}; give the lowest and the highest HU, e.g. [-160, 240].")
        self.low, self.high = (float(hu) for hu in window)
        self.top = top
        self.intensity_key = intensity_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.key_iterator(d):
            image = d[key].to(torch.float32)
            file = file_of(image, key)
            lowest, highest = float(image.min()), float(image.max())
            kind = d.get(self.intensity_key) or _intensity_of(image)
            if kind == "window8":
                if lowest < 0 or highest > 255:
                    raise InputError(
                        f"{file} holds {lowest:g} to {highest:g}, which is no 8-bit image of 0..255; give HU "
                        f'with "{self.intensity_key}": "HU".'
                    )
                d[key] = image * (self.top / 255)
            elif kind == "HU":
                if lowest > -100 and highest <= 1.5:
                    raise InputError(f"{file} looks normalised to 0..1, not Hounsfield units; give the CT in HU.")
                # one copy, then in place: a whole CT is large
                d[key] = (image - self.low).div_(self.high - self.low).clamp_(0, 1).mul_(self.top)
            else:
                raise InputError(f'{self.intensity_key} of {file} is "{kind}"; write "HU" or "window8".')
        return d


def _intensity_of(image: torch.Tensor) -> str:
    in_byte = bool((image >= 0).all() and (image <= 255).all())
    return "window8" if in_byte and image.max() > 1.5 and bool((image == image.round()).all()) else "HU"


def _record_spacing(spacing: Any, key: str) -> list[float]:
    if spacing is None:
        return [1.0, 1.0, 1.0]
    try:
        numbers = [float(mm) for mm in spacing]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 3 or not all(0 < mm <= MAX_SPACING_MM for mm in numbers):
        raise InputError(f"{key} is {spacing}; give three distances in mm: row, column, slice.")
    return numbers


def _one_channel(image: MetaTensor, file: str, channel: int | None) -> MetaTensor:
    channels = image.shape[0]
    if channels == 1:
        return image
    if image.ndim > 3:
        if channel is None:
            raise InputError(
                f"{file} is 4D with {channels} time points or channels; choose one (the channel of AsVolumed) or "
                "extract it into its own file."
            )
        if not 0 <= channel < channels:
            raise InputError(f"{file} has {channels} channels and no channel {channel}; count them from 0.")
        return image[channel : channel + 1]
    colours = image[: channels - 1] if channels in (2, 4) else image  # grey or colour with alpha
    if not bool((colours == colours[:1]).all()):
        raise InputError(f"{file} is a colour image; convert it to grey levels.")
    return image[:1]


def _slice_affine(image: MetaTensor, spacing: list[float]) -> torch.Tensor:
    """4x4 affine (RAS, mm) of a 2D image with axes (column, row)."""
    row_mm, column_mm, slice_mm = spacing
    if "original_affine" not in image.meta:  # MONAI's readers set it from a header, and a PNG has none
        return torch.diag(torch.tensor([-column_mm, -row_mm, slice_mm, 1.0], dtype=torch.float64))
    if image.affine.shape == (4, 4):
        return image.affine
    affine = torch.diag(torch.tensor([1.0, 1.0, slice_mm, 1.0], dtype=torch.float64))
    affine[:2, :2] = image.affine[:2, :2]
    affine[:2, 3] = image.affine[:2, 2]
    return affine
