"""What MONAI Label and MONAI Deploy rely on in inference.json, done as they do it."""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import LoadImaged, SaveImaged

sys.path.insert(0, str(Path(__file__).parent))
from click_program import CONFIGS, TINY, tiny_network
from tiny_mr import scan

from patchseg.errors import InputError, input_error_in
from patchseg.weights import load_weights


class Server:
    """Parses the config once and keeps its transforms from request to request, as MONAI Label does."""

    def __init__(self, weights: Path) -> None:
        parser = ConfigParser()
        parser.read_config(CONFIGS / "inference.json")
        parser.update(TINY)
        self.preprocessing = parser.get_parsed_content("preprocessing")
        self.inferer = parser.get_parsed_content("inferer")
        self.postprocessing = parser.get_parsed_content("postprocessing").transforms
        self.network = load_weights(tiny_network(), weights).eval()

    def infer(self, request: dict) -> dict:
        data = self.preprocessing(request)
        inputs = data["image"][None]
        with torch.no_grad():
            data["pred"] = self.inferer(inputs, self.network)[0]
        for transform in self.postprocessing:
            if not isinstance(transform, SaveImaged):
                data = transform(data)
        return data


@pytest.fixture(scope="module")
def server(trained) -> Server:
    return Server(trained / "model.pt")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("studies")
    for number in range(3):
        nib.save(scan(number).image, folder / f"scan{number}.nii.gz")
    return [str(folder / f"scan{number}.nii.gz") for number in range(3)]


def assert_found(data: dict, number: int) -> None:
    image, label, *_ = scan(number)
    mask = np.asarray(data["pred"][0])
    assert mask.shape == image.shape and set(np.unique(mask)) == {0, 1}
    np.testing.assert_allclose(data["pred"].affine, image.affine, atol=1e-4)
    gland = np.asarray(label.dataobj) == 1
    assert 2 * (mask * gland).sum() / (mask.sum() + gland.sum()) > 0.6


def test_a_click_request(server, files):
    """With the strings and numbers that servers put beside the image."""
    more = {
        "image_path": files[0],
        "model": "seqpatch_prostate",
        "label": "object",
        "spacing": None,
        "device": "cpu",
    }
    data = server.infer({"image": files[0], "foreground": [scan(0).middle], "background": [], **more})
    assert_found(data, 0)
    assert data["image_path"] == files[0] and data["model"] == "seqpatch_prostate"
    assert set(data["confidence"]) == {"axis", "values"}
    assert len(data["confidence"]["values"]) == scan(0).image.shape[data["confidence"]["axis"]]


def test_missing_keys_are_a_sentence(server, files):
    for clicks in ({}, {"foreground": []}, {"foreground": None}, {"background": [scan(0).middle]}):
        with pytest.raises(RuntimeError) as raised:
            server.infer({"image": files[0], **clicks})
        assert "has no foreground click" in str(input_error_in(raised.value))
    assert isinstance(input_error_in(raised.value), InputError)


def test_requests_do_not_disturb_each_other(server, files):
    """Another scan, a refused click and a background click in between change nothing."""
    request = {"image": files[1], "foreground": [scan(1).middle]}
    first = server.infer(dict(request))
    assert_found(server.infer({"image": files[2], "foreground": [scan(2).middle]}), 2)
    with pytest.raises(RuntimeError):
        server.infer({"image": files[1], "foreground": [[999, 0, 0]]})
    row, *rest = scan(1).middle
    fewer = server.infer({**request, "background": [[row + 4, *rest]]})
    assert fewer["pred"].sum() < first["pred"].sum()
    again = server.infer(dict(request))
    assert torch.equal(again["pred"], first["pred"]) and again["confidence"] == first["confidence"]
    assert request == {"image": files[1], "foreground": [scan(1).middle]}, "the request itself stays as it was"
    assert_found(first, 1)


def test_preprocessing_leaves_one_tensor(server, files):
    """MONAI Deploy hands every other tensor to the inferer as an argument that it does not know."""
    data = server.preprocessing({"image": files[0], "foreground": [scan(0).middle], "background": [[5, 30, 2]]})
    tensors = [key for key, value in data.items() if isinstance(value, torch.Tensor | np.ndarray)]
    assert tensors == ["image"]
    assert data["image"].shape[0] == 3 and data["image"][1:].sum((1, 2, 3)).tolist() == [1, 1]
    assert "foreground" not in data and "background" not in data


def test_an_image_loaded_before_and_keyword_arguments(server, files):
    """MONAI Deploy loads the image itself and calls the inferer with keywords."""
    steps = server.preprocessing.transforms
    assert isinstance(steps[0], LoadImaged) and not any(isinstance(step, LoadImaged) for step in steps[1:])
    data = steps[0]({"image": files[2]}) | {"foreground": [scan(2).middle]}
    for step in steps[1:]:
        data = step(data)
    with torch.no_grad():
        pred = server.inferer(inputs=data["image"][None], network=server.network)
    assert pred.shape == (1, 2, *data["image"].shape[1:]) and 0 <= float(pred.min()) <= float(pred.max()) <= 1
