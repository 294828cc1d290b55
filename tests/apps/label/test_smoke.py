"""One server, one request of each kind: what CI can afford. `make test-label-smoke` runs this file alone."""

import nibabel as nib
import numpy as np
import pytest
from running import inside, start
from studies import copy_bundles, kidney, prostate, write_nifti


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A server with two studies."""
    folder = tmp_path_factory.mktemp("smoke")
    studies = folder / "studies"
    studies.mkdir()
    for name, case in (("kidney", kidney()), ("prostate", prostate())):
        write_nifti(case.image, case.affine, studies / f"{name}.nii.gz")
    with start(studies, copy_bundles(folder / "bundles")) as running:
        yield running


def test_info_lists_both_bundles_with_their_types(small):
    info = small.info()
    models = {name: (model["type"], model["dimension"], model["labels"]) for name, model in info["models"].items()}
    assert models == {
        "crossover_kidney": ("segmentation", 3, {"tumour": 1}),
        "seqpatch_prostate": ("deepgrow", 3, {"object": 1}),
    }
    assert set(info["trainers"]) == set(models)
    assert "uncertain" in info["strategies"] and list(info["scoring"]) == ["crossover_kidney"]
    assert info["datastore"]["total"] == 2


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
