"""From the slices of a DICOM series to one volume."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from monai.deploy.operators.dicom_series_to_volume_operator import DICOMSeriesToVolumeOperator

from patchseg.errors import InputError


class SeriesToVolume(DICOMSeriesToVolumeOperator):
    """The SDK's operator, with two faults of its version 4.0.0 mended.

    It gives all slices the number type of the first: where that one is above 0 everywhere, the negative Hounsfield
    units of the others become 64,000 and more. And it exchanges the distances of rows and of columns, which
    stretches volumes whose pixels are not square.
    """

    def generate_voxel_data(self, series: Any) -> np.ndarray:
        """Rescaled voxels, (slices, rows, columns), in a type that holds every slice.

        Raises:
            InputError: pixels that cannot be read, or slices of different size.
        """
        try:
            slices = [
                super(SeriesToVolume, self).generate_voxel_data(SimpleNamespace(get_sop_instances=lambda s=s: [s]))
                for s in series.get_sop_instances()
            ]
            return np.concatenate(slices)
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"the pixels of series {series.SeriesInstanceUID} cannot be read as one volume: a file is "
                "damaged, of another size or compressed in an unknown way; export the series again, uncompressed."
            ) from error

    def compute_affine_transform(self, s_1: Any, s_n: Any, n: int, series: Any) -> None:
        """Set `dicom_affine_transform` (LPS) and `nifti_affine_transform` (RAS), (4, 4), in millimetres."""
        super().compute_affine_transform(s_1, s_n, n, series)
        between_rows, between_columns = map(float, s_1[0x0028, 0x0030].value)
        for affine in (series.dicom_affine_transform, series.nifti_affine_transform):
            affine[:3, 0] *= between_columns / between_rows
            affine[:3, 1] *= between_rows / between_columns
