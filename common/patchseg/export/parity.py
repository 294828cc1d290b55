"""Whether an exported network is the bundle's network: the same logits and the same mask of a slice."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, SaveImaged
from torch import Tensor, nn

from patchseg.data.phantom_ct import ct_phantom
from patchseg.data.phantom_mr import mr_phantom
from patchseg.geometry import ClickGuidanced
from patchseg.seqpatch.shapes import interior_point

from .formats import Run

TOLERANCE = 5e-6  # of the largest logit, or of 20 where all are smaller: float32 rounds in proportion
CT_SEED, MR_SEED = 2, 7  # phantoms whose last axis are the slices


def phantom_slice(parser: ConfigParser, folder: str | Path) -> dict[str, Any]:
    """The slice of a phantom with the largest object, as a record of the bundle that `parser` has read.

    Args:
        parser: an inference.json with its metadata, which says whether the bundle is made for CT; for all else the
            phantom is the one of MR. folder: where the slice is written to.
    """
    clicks = any(isinstance(t, ClickGuidanced) for t in parser.get_parsed_content("preprocessing").transforms)
    is_ct = parser["_meta_"]["network_data_format"]["inputs"]["image"]["modality"] == "CT"
    image, label, affine = ct_phantom(CT_SEED) if is_ct else mr_phantom(MR_SEED)
    return slice_record(image, label == label.max(), affine, folder, clicks)


def slice_record(
    image: np.ndarray, mask: np.ndarray, affine: np.ndarray, folder: str | Path, clicks: bool
) -> dict[str, Any]:
    """Write the slice (of the last axis) in which most of `mask` lies; with a click inside it if asked for."""
    index = int(mask.sum((0, 1)).argmax())
    path = Path(folder) / "slice.nii.gz"
    nibabel.save(nibabel.Nifti1Image(image[:, :, index : index + 1], affine), path)
    where = np.rint(interior_point(mask[:, :, index])).astype(int).tolist()
    return {"image": str(path)} | ({"foreground": [[*where, 0]]} if clicks else {})


def compare(parser: ConfigParser, network: nn.Module, exported: Run, record: Mapping[str, Any]) -> dict[str, Any]:
    """Run the bundle's inference on a record with both networks.

    Returns:
        `largest_difference` of the logits, given the same input, and `tolerance`, how large it may be: the
        network's by its plain definition, not by the fast path, which rounds more than other formats do;
        `different_voxels` of the masks, the network's as in use; and `voxels` of that mask.
    """
    data = parser.get_parsed_content("preprocessing")(dict(record))
    batch = list_data_collate([data])
    transforms = parser.get_parsed_content("postprocessing").transforms
    finish = Compose([t for t in transforms if not isinstance(t, SaveImaged)])
    inferer = parser.get_parsed_content("inferer")
    defined = deepcopy(network).requires_grad_(False)  # nothing is kept for gradients
    differences: list[float] = []
    largest: list[float] = []

    def both(image: Tensor) -> Tensor:
        with torch.enable_grad():  # where gradients may be asked for, the plain form answers
            expected = defined(_bare(image))
        differences.append(float((expected - exported(_bare(image))).abs().max()))
        largest.append(float(expected.abs().max()))
        return network(_bare(image))

    def mask(run: Run) -> Tensor:
        with torch.no_grad():
            pred = inferer(batch["image"], run)
        return finish(decollate_batch({**batch, "pred": pred})[0])["pred"] != 0

    expected, found = mask(both), mask(lambda image: exported(_bare(image)))
    return {
        "largest_difference": max(differences),
        "tolerance": tolerance(max(largest)),
        "different_voxels": int((expected != found).sum()),
        "voxels": int(expected.sum()),
    }


def tolerance(largest_logit: float) -> float:
    """How far logits of two formats of one network may be apart.

    >>> tolerance(4.0), tolerance(40.0)
    (0.0001, 0.0002)
    """
    return TOLERANCE * max(largest_logit, 20.0)


def _bare(image: Tensor) -> Tensor:
    """The numbers alone: exported networks take no MetaTensor."""
    return (image.as_tensor() if isinstance(image, MetaTensor) else image).contiguous()
