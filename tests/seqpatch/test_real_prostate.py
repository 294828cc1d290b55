"""One click with the shipped weights on a real prostate with an oblique header."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from patchseg.bundles import bundle_root
from patchseg.metrics_prostate import promise12_measures
from patchseg.segment import Segmentation, segment_scan
from patchseg.seqpatch.simulate import click_in


@pytest.fixture(scope="module")
def reference(real_data: Path) -> nib.Nifti1Image:
    return nib.load(real_data / "prostate" / "prostatex0000_label.nii.gz")


@pytest.fixture(scope="module")
def found(real_data: Path, reference: nib.Nifti1Image) -> Segmentation:
    scan = real_data / "prostate" / "prostatex0000_image.nii.gz"
    click = click_in(np.asarray(reference.dataobj))
    return segment_scan(scan, bundle_root("seqpatch_prostate"), clicks={"foreground": [click], "background": []})


def test_the_mask_lies_on_the_files_own_grid(found: Segmentation, reference: nib.Nifti1Image) -> None:
    assert found.mask.dtype == np.uint8 and found.mask.shape == reference.shape
    np.testing.assert_allclose(found.affine, reference.affine, atol=1e-4)
    assert len(found.confidence["values"]) == reference.shape[found.confidence["axis"]]


def test_the_clicked_gland_is_found(found: Segmentation, reference: nib.Nifti1Image) -> None:
    label = np.asarray(reference.dataobj) > 0
    *_, index = click_in(label)
    mask, truth = found.mask[..., index] > 0, label[..., index]
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.6


def test_surface_distances_are_measured_while_denormals_are_flushed(
    found: Segmentation, reference: nib.Nifti1Image
) -> None:
    label = torch.from_numpy(np.asarray(reference.dataobj) > 0)[None]
    torch.set_flush_denormal(True)
    try:
        measures = promise12_measures(torch.from_numpy(found.mask)[None], label, torch.tensor(found.affine))
    finally:
        torch.set_flush_denormal(False)
    assert 0 < measures["whole_abd_mm"] < 30
