import json

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation

from patchseg.geometry import NetworkGridd
from patchseg.seqpatch.confidence import ConfidencePerSliced


@pytest.mark.parametrize(
    "codes, axis, reverse", [("RAS", 2, False), ("LPI", 2, True), ("SPL", 0, False), ("RIA", 1, True)]
)
def test_values_follow_the_file_s_slices(codes, axis, reverse):
    ras = MetaTensor(torch.rand(1, 12, 10, 5), affine=np.diag([0.7, 0.9, 3.0, 1.0]))
    file = Orientation(axcodes=codes, labels=(("L", "R"), ("P", "A"), ("I", "S")))(ras)
    image = NetworkGridd("image", 0.5)({"image": MetaTensor(file.as_tensor(), affine=file.affine)})["image"]
    values = torch.tensor([0.0, 0.12345, 0.9, 0.71, 0.0])
    prediction = torch.stack([image[0], values.expand(image.shape[1:])])
    result = ConfidencePerSliced()({"image": image, "pred": prediction})
    rounded = [0.0, 0.123, 0.9, 0.71, 0.0]
    assert result["confidence"] == {"axis": axis, "values": rounded[::-1] if reverse else rounded}
    assert len(result["confidence"]["values"]) == file.shape[1 + axis]
    assert torch.equal(result["pred"], prediction[:1])
    json.dumps(result["confidence"])


def test_one_slice():
    image = NetworkGridd("image", None)({"image": MetaTensor(torch.rand(1, 12, 10, 1), affine=np.eye(4))})["image"]
    result = ConfidencePerSliced()({"image": image, "pred": torch.full((2, *image.shape[1:]), 0.5)})
    assert result["confidence"] == {"axis": 2, "values": [0.5]} and result["pred"].shape == image.shape
