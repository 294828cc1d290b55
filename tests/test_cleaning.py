"""Crumbs go, the second tumour stays."""

import numpy as np
import torch
from monai.data import MetaTensor

from patchseg.cleaning import KeepMainPartsd, main_parts


def test_parts_by_their_share_of_the_largest():
    mask = np.zeros((20, 20, 4), np.uint8)
    mask[:5, :5] = 1  # 100 voxels
    mask[10:14, 10:14, :2] = 1  # 32
    mask[18, 18, 0] = 1
    kept = main_parts(mask, share=0.25)
    assert kept.sum() == 132 and not kept[18, 18, 0]
    assert main_parts(mask, share=0.5).sum() == 100
    assert main_parts(mask, share=0).sum() == 133
    assert not main_parts(np.zeros((3, 3))).any()


def test_transform_keeps_type_and_affine():
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0]))
    mask = MetaTensor(torch.zeros(1, 8, 8, 2, dtype=torch.uint8), affine=affine)
    mask[0, :4, :4] = 1
    mask[0, 7, 7, 1] = 1
    kept = KeepMainPartsd("pred")({"pred": mask})["pred"]
    assert kept.dtype == torch.uint8 and kept.sum() == 32
    torch.testing.assert_close(kept.affine, mask.affine)
