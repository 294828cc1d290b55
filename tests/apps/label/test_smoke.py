"""One server, one request of each kind: what CI can afford. `make test-label-smoke` runs this file alone."""

import re

import nibabel as nib
import numpy as np
import pytest
import requests
from running import inside, start, without_network
from studies import copy_bundles, interactions, kidney, prostate, write_nifti

TYPES = {"automatic": "segmentation", "click": "deepgrow"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server with two studies and no network."""
    folder = tmp_path_factory.mktemp("smoke")
    studies = folder / "studies"
    studies.mkdir()
    for name, case in (("kidney", kidney()), ("prostate", prostate())):
        write_nifti(case.image, case.affine, studies / f"{name}.nii.gz")
    with start(studies, copy_bundles(folder / "bundles"), **without_network(folder / "refused")) as running:
        yield running


def test_info_lists_every_bundle_with_its_type(small):
    info, served = small.info(), interactions(small.bundles)
    models = {name: (model["type"], model["dimension"], model["labels"]) for name, model in info["models"].items()}
    assert {name: kind for name, (kind, _, _) in models.items()} == {n: TYPES[i] for n, i in served.items()}
    assert models["crossover_kidney"] == ("segmentation", 3, {"tumour": 1})
    assert models["seqpatch_prostate"] == ("deepgrow", 3, {"object": 1})
    assert set(info["trainers"]) == set(models)
    assert "uncertain" in info["strategies"]
    assert set(info["scoring"]) == {name for name, interaction in served.items() if interaction == "automatic"}
    assert info["datastore"]["total"] == 2


def test_a_bundle_without_weights_is_left_out_and_named(small):
    assert "untrained" not in small.info()["models"]
    log = small.log.read_text()
    assert re.search(r"left out .*\buntrained: no weights yet", log)
    assert "untrained is left out: it needs training, models/model.pt is missing." in log


def test_automatic(small, tmp_path):
    case = kidney()
    file, params = small.mask(tmp_path, "crossover_kidney", image="kidney")
    mask = nib.load(file)
    assert mask.shape == case.image.shape and mask.get_data_dtype() == np.uint8
    assert np.allclose(mask.affine, case.affine, atol=1e-3)
    assert set(np.unique(mask.dataobj)) <= {0, 1}
    assert params["label_names"] == {"tumour": 1}


def test_one_click(small, tmp_path):
    case = prostate()
    file, params = small.mask(
        tmp_path, "seqpatch_prostate", image="prostate", foreground=[case.click], background=[]
    )
    assert inside(file, case.click)
    assert len(params["confidence"]["values"]) == case.image.shape[params["confidence"]["axis"]]


def test_bad_request_is_answered_and_the_server_lives_on(small):
    answer = small.infer("seqpatch_prostate", image="prostate", foreground=[[5000, 0, 0]])
    assert answer.status_code == 400 and "lies outside" in answer.json()["detail"]
    assert small.get("/info/").status_code == 200


def test_what_to_type_into_slicer(small):
    log = small.log.read_text()
    assert f"module MONAI Label, field MONAI Label server:  {small.url}\n" in log
    assert "Auto Segmentation: crossover_kidney\n" in log and "SmartEdit: seqpatch_prostate\n" in log
    assert "WARNING" not in log.partition("Ctrl-C")[0]


def test_other_machines_are_not_answered(small):
    """127.0.0.2 is another address of this machine, which a server for all of them would answer."""
    with pytest.raises(requests.ConnectionError):
        requests.get(small.url.replace("127.0.0.1", "127.0.0.2"), timeout=5)


def test_nothing_was_asked_of_the_network(small):
    """Last: neither at the start nor by any of these requests."""
    assert (small.studies.parent / "refused").read_text() == ""
