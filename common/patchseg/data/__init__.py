"""Data set layouts, splits by patient, loading checks and the built-in CT phantom."""

from patchseg.data.layouts import find_cases
from patchseg.data.loading import LoadScand, require_label
from patchseg.data.seeded import SeededCacheDataset
from patchseg.data.select import select_cases
from patchseg.data.splits import read_split, split_cases, write_split
from patchseg.data.transforms import AsVolumed, CheckLabeld, CheckScand, CTIntensityd

__all__ = [
    "AsVolumed",
    "CTIntensityd",
    "CheckLabeld",
    "CheckScand",
    "LoadScand",
    "SeededCacheDataset",
    "find_cases",
    "read_split",
    "require_label",
    "select_cases",
    "split_cases",
    "write_split",
]
