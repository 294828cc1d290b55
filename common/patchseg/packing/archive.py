"""Zip files that are the same, byte for byte, each time they are made of the same files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

from patchseg.files import whole_file

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date a zip file can hold


def write_zip(files: Mapping[str, bytes], path: str | Path) -> None:
    """Write files, by their path in the archive, whole or not at all.

    Sorted, of one date and one set of rights. Not compressed: compression libraries differ in their bytes from
    machine to machine, and weights hardly shrink.
    """
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system = 3  # Unix, whatever wrote it
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
