"""Data set layouts, splits by patient, loading checks, the built-in phantoms and synthetic shapes."""

from patchseg.data.boxes import CropToBoxd
from patchseg.data.layouts import find_cases
from patchseg.data.loading import LoadScand, require_label
from patchseg.data.mixed import MixedDataset
from patchseg.data.seeded import SeededCacheDataset
from patchseg.data.select import outlined, select_cases
from patchseg.data.shapes import ShapesDataset, random_object
from patchseg.data.splits import read_split, split_cases, write_split
from patchseg.data.transforms import AsVolumed, CheckLabeld, CheckScand, CTIntensityd

__all__ = [
    "AsVolumed",
    "CTIntensityd",
    "CheckLabeld",
    "CheckScand",
    "CropToBoxd",
    "LoadScand",
    "MixedDataset",
    "SeededCacheDataset",
    "ShapesDataset",
    "find_cases",
    "outlined",
    "random_object",
    "read_split",
    "require_label",
    "select_cases",
    "split_cases",
    "write_split",
]
