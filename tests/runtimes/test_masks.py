"""Every runtime finds the mask of torch in float32, voxel for voxel, on a real slice of each bundle's kind.

Logits are held against the plain definition; torch's own fast path rounds a little more than the others.
"""

import copy
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser
from PIL import Image

from patchseg.bundles import bundle_names, bundle_root
from patchseg.data import find_cases
from patchseg.export.parity import compare, slice_record
from patchseg.runtimes import RUNTIMES, at_runtime
from patchseg.weights import load_weights

MOST = {"torch": 2e-4}  # of a logit, the largest of which are about 20; 1e-4 for the others
AUTOMATIC = {"crossover_kidney": "kits19_slices", "crossover_cardiac": "sunnybrook_lv"}
CLICKED = {"seqpatch_prostate": "prostate", "seqpatch_kidney": "kits19_slices"}


def record(name: str, data: Path, folder: Path) -> dict:
    """The first slice of a bundle's kind of scans; with a click where it takes one."""
    if name in AUTOMATIC:
        return find_cases(data / AUTOMATIC[name])[0]
    if CLICKED[name] == "prostate":
        image, label = (
            nib.load(data / "prostate" / f"prostatex0000_{kind}.nii.gz") for kind in ("image", "label")
        )
        return slice_record(np.asarray(image.dataobj), np.asarray(label.dataobj) > 0, image.affine, folder, True)
    case = find_cases(data / CLICKED[name])[0]
    image, label = (np.asarray(Image.open(case[kind]))[..., None] for kind in ("image", "label"))
    return slice_record(image, label > 0, np.eye(4), folder, True)


@pytest.mark.parametrize("name", [n for n in bundle_names() if n in AUTOMATIC | CLICKED])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_mask_of_torch(real_data, tmp_path, name, runtime):
    root = bundle_root(name)
    parser = ConfigParser()
    parser.read_config(root / "configs" / "inference.json")
    parser.read_meta(root / "configs" / "metadata.json")
    network = load_weights(parser.get_parsed_content("network_def"), root / "models" / "model.pt").eval()
    given = record(name, real_data, tmp_path)
    found = compare(parser, network, at_runtime(copy.deepcopy(network), runtime), given)
    assert found["largest_difference"] <= MOST.get(runtime, 1e-4) and found["voxels"] > 0
    assert found["different_voxels"] == 0
