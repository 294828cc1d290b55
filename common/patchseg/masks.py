"""Masks to files, on the grid of the scan they belong to."""

from pathlib import Path
from typing import Any

import itk
import nibabel
import numpy as np
from monai.data import ITKWriter, NibabelWriter

from patchseg.errors import InputError
from patchseg.files import whole_file
from patchseg.scans import NIFTI, ending, is_there

ENDINGS = (*NIFTI, ".mha", ".nrrd")


def check_target(path: str | Path, scan: str | Path, overwrite: bool = False) -> None:
    """Raise unless a mask for `scan` may be written to `path`; called before the work, not after.

    Raises:
        InputError: another ending than .nii, .nii.gz, .mha or .nrrd, no such folder, the scan itself, or a file
            that exists and `overwrite` is False.
    """
    path = Path(path)
    if ending(path) not in ENDINGS:
        raise InputError(f"{path} names no format for the mask: let it end in {', '.join(ENDINGS)}.")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} for the mask does not exist: make it first.")
    if not is_there(path):
        return
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file for the mask.")
    if is_there(Path(scan)) and path.samefile(scan):
        raise InputError(f"{path} is the scan itself: name another file for the mask.")
    if not overwrite:
        raise InputError(f"{path} exists: name another file or add --overwrite.")


def write_mask(mask: np.ndarray, affine: np.ndarray, path: str | Path, scan: str | Path | None = None) -> None:
    """Write a mask, all or nothing, in the format its ending names.

    Args:
        mask: (X, Y, Z), X fastest in the file; written as uint8.
        affine: (4, 4), voxel index to RAS world millimetres.
        path: .nii, .nii.gz, .mha or .nrrd.
        scan: the NIfTI file the mask belongs to, when it is one: its sform and qform are copied bit by bit.

    Raises:
        InputError: the folder cannot be written to, or is full.
    """
    data = np.ascontiguousarray(mask, dtype=np.uint8)
    try:
        with whole_file(path) as temporary:
            if ending(path) in NIFTI:
                nibabel.save(_nifti(data, affine, scan), temporary)
            else:
                # turns RAS millimetres into ITK's LPS and the axes round, without resampling
                image = ITKWriter.create_backend_obj(data, channel_dim=None, affine=affine, dtype=np.uint8)
                itk.imwrite(image, str(temporary), compression=True)
    except (OSError, RuntimeError) as error:  # the second is ITK's
        reason = (getattr(error, "strerror", None) or str(error).splitlines()[-1]).rstrip(".")
        raise InputError(f"{path} cannot be written ({reason}): make room, or name another file.") from error


class WholeNiftiWriter(NibabelWriter):
    """MONAI's writer of NIfTI files for SaveImage, except that a file is there whole or not at all.

    A mask that was cut by a kill can still be opened, and read with what is left.

    Args: as NibabelWriter.
    """

    def write(self, filename: str | Path, verbose: bool = False, **options: Any) -> None:
        """Write the image as NibabelWriter does.

        Raises:
            InputError: another ending than .nii or .nii.gz; the disk is full.
        """
        if ending(filename) not in NIFTI:
            raise InputError(f"{filename} is no NIfTI file: leave output_ext, or give SaveImaged a writer too.")
        with whole_file(filename) as temporary:
            super().write(temporary, verbose, **options)


def _nifti(data: np.ndarray, affine: np.ndarray, scan: str | Path | None) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(data, affine)
    if scan is not None and ending(scan) in NIFTI:
        header = nibabel.load(scan).header
        (qform, qcode), (sform, scode) = header.get_qform(coded=True), header.get_sform(coded=True)
        image.set_qform(qform, int(qcode))
        image.set_sform(sform, int(scode))
    else:
        image.set_qform(affine, 1)
        image.set_sform(affine, 1)
    image.header.set_xyzt_units("mm")
    return image
