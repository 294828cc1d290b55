"""Volumes out of the SDK's loader, beside what was written."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from dicom_series import write_series
from monai.deploy.conditions import CountCondition
from monai.deploy.core import Fragment
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_series_selector_operator import DICOMSeriesSelectorOperator
from patchseg_deploy.clicks import voxels_of
from patchseg_deploy.volume import SeriesToVolume

TURNED = nib.eulerangles.euler2mat(0.3, 0.2, -0.4)


def read(folder: Path):
    """Voxels (column, row, slice) and RAS affine, as the application gets them."""
    fragment = Fragment()
    studies = DICOMDataLoaderOperator(fragment, CountCondition(fragment, 1)).load_data_to_studies(folder)
    selected = DICOMSeriesSelectorOperator(fragment).filter(None, studies)
    image = SeriesToVolume(fragment).convert_to_image(selected)
    return np.swapaxes(image.asnumpy(), 0, 2), np.asarray(image.metadata()["nifti_affine_transform"])


@pytest.mark.parametrize("rotation", [np.diag([-1, -1, 1]), np.diag([-1, -1, 1]) @ TURNED, np.diag([1, -1, -1])])
def test_voxels_lie_where_they_were_acquired(tmp_path, rotation):
    """Pixels are not square, slices are written from the last to the first."""
    rng = np.random.default_rng(0)
    voxels = rng.integers(-1000, 1000, (7, 9, 5)).astype(np.int16)
    affine = nib.affines.from_matvec(rotation @ np.diag([0.6, 0.9, 3.5]), [12, -34, 56])
    if np.linalg.det(affine) < 0:  # slices are sorted along the normal of their rows and columns
        voxels, affine = voxels[..., ::-1], affine @ nib.affines.from_matvec(np.diag([1, 1, -1]), [0, 0, 4])
    folder = write_series(tmp_path, voxels, affine, "CT", intercept=-1024, names=list("edcba"))
    found, where = read(folder)
    assert np.array_equal(found, voxels)
    np.testing.assert_allclose(where, affine, atol=1e-4)


@pytest.mark.parametrize("first", [3, 300])
def test_a_first_slice_of_tissue_alone(tmp_path, first):
    voxels = np.random.default_rng(0).integers(-1000, 1000, (8, 8, 4)).astype(np.int16)
    voxels[..., 0] = first
    found, _ = read(write_series(tmp_path, voxels, np.diag([-1.0, -1, 2, 1]), "CT", intercept=-1024))
    assert np.array_equal(found, voxels)


def test_a_click_is_the_voxel_it_lies_in():
    affine = nib.affines.from_matvec(np.diag([-0.6, -0.9, 3.5]) @ TURNED, [12, -34, 56])
    shape = (7, 9, 5)
    for voxel in [(0, 0, 0), (6, 8, 4), (3, 5, 2)]:
        for shift in (-0.49, 0, 0.49):
            lps = nib.affines.apply_affine(affine, np.array(voxel) + shift) * (-1, -1, 1)
            assert voxels_of([lps], affine, shape) == [list(voxel)]
