"""Labels come in, the bundle learns from them, and the next request is answered with the new weights."""

import json

import nibabel as nib
import numpy as np
import pytest
from running import start
from studies import copy_bundles, kidney, prostate, write_nifti

TRAINED = {"max_epochs": 1, "val_split": 0.0}


@pytest.fixture(scope="module")
def learning(tmp_path_factory):
    """A server of its own: it is taught."""
    folder = tmp_path_factory.mktemp("learning")
    studies = folder / "studies"
    studies.mkdir()
    for number in (1, 2):
        case = kidney(seed=number)
        write_nifti(case.image, case.affine, studies / f"kidney{number}.nii.gz")
    case = prostate()
    write_nifti(case.image, case.affine, studies / "prostate.nii.gz")
    with start(studies, copy_bundles(folder / "bundles")) as running:
        yield running


def submit(server, tmp_path, name, case, segment, value):
    """A label as Slicer submits it: one value per segment of the scene, and a note which is whose."""
    file = write_nifti(case.label * np.uint8(value), case.affine, tmp_path / f"{name}.nii.gz")
    note = {"label_info": [{"name": "other", "idx": 1}, {"name": segment, "idx": value}]}
    answer = server.put(
        "/datastore/label",
        params={"image": name, "tag": "final"},
        data={"params": json.dumps(note)},
        files={"label": (file.name, file.read_bytes())},
    )
    assert answer.status_code == 200, answer.text


def weights(server, bundle):
    return sorted((server.studies / "models" / bundle).glob("*/model.pt"))


def test_scoring_and_the_next_sample(learning):
    """Before any label: the more uncertain of the studies comes first."""
    learning.post("/scoring/crossover_kidney", json={"simulation_size": 2, "max_workers": 1})
    task = learning.wait("scoring")
    assert task["status"] == "DONE", task["details"]
    scores = {}
    for name in ("kidney1", "kidney2", "prostate"):
        info = learning.get("/datastore/image/info", params={"image": name}).json()
        scores[name] = info["epistemic_entropy"]
    assert all(score > 0 for score in scores.values())
    chosen = learning.post("/activelearning/uncertain", json={}).json()
    assert chosen["id"] == max(scores, key=scores.get)


@pytest.mark.parametrize("strategy", ["random", "first"])
def test_next_sample(learning, strategy):
    sample = learning.post(f"/activelearning/{strategy}", json={}).json()
    assert sample["id"] in {"kidney1", "kidney2", "prostate"}
    assert sample["path"] == str(learning.studies / f"{sample['id']}.nii.gz")


def test_training_without_labels_is_refused(learning):
    learning.post("/train/crossover_kidney", json=TRAINED)
    task = learning.wait("train")
    assert task["status"] == "ERROR"
    assert any('no study has a submitted label with "tumour"' in line for line in task["details"])
    assert not weights(learning, "crossover_kidney")


def test_training_then_infer_with_the_new_weights(learning, tmp_path):
    before, _ = learning.mask(tmp_path, "crossover_kidney", image="kidney1")
    before = np.asarray(nib.load(before).dataobj)
    shipped = (learning.bundles / "crossover_kidney" / "models" / "model.pt").read_bytes()
    for number in (1, 2):
        submit(learning, tmp_path, f"kidney{number}", kidney(seed=number), "tumour", 2)
    learning.post("/train/crossover_kidney", json={**TRAINED, "pretrained": False})
    task = learning.wait("train")
    assert task["status"] == "DONE", task["details"]
    (trained,) = weights(learning, "crossover_kidney")
    assert (learning.bundles / "crossover_kidney" / "models" / "model.pt").read_bytes() == shipped
    after, _ = learning.mask(tmp_path, "crossover_kidney", image="kidney1")
    assert not np.array_equal(np.asarray(nib.load(after).dataobj), before)  # trained from scratch, one epoch
    trained.parent.rename(trained.parent.parent / "away")
    (trained.parent.parent / "away" / "model.pt").rename(trained.parent.parent / "model.pt.old")
    again, _ = learning.mask(tmp_path, "crossover_kidney", image="kidney1")
    assert np.array_equal(np.asarray(nib.load(again).dataobj), before)


def test_training_from_the_weights_in_use(learning, tmp_path):
    """One epoch more of seqpatch_prostate, from the shipped weights; crossover_kidney keeps its own."""
    submit(learning, tmp_path, "prostate", prostate(), "object", 3)
    learning.post("/train/seqpatch_prostate", json=TRAINED)
    task = learning.wait("train")
    assert task["status"] == "DONE", task["details"]
    assert len(weights(learning, "seqpatch_prostate")) == 1
    case = prostate()
    file, _ = learning.mask(tmp_path, "seqpatch_prostate", image="prostate", foreground=[case.click])
    mask = np.asarray(nib.load(file).dataobj)
    assert mask[tuple(case.click)] == 1
    assert 2 * (mask & case.label).sum() / (mask.sum() + case.label.sum()) > 0.4


def test_batch_infer_goes_on_after_a_bad_study(learning):
    """Label's own parameters, with multi_gpu on a machine without any."""
    (learning.studies / "damaged.nii.gz").write_bytes(b"no image")
    learning.post("/activelearning/first", json={})
    learning.post("/batch/infer/crossover_kidney", params={"images": "all"}, json={"multi_gpu": True})
    task = learning.wait("batch/infer")
    assert task["status"] == "DONE", task["details"]
    for number in (1, 2):
        label = nib.load(learning.studies / "labels" / "original" / f"kidney{number}.nii.gz")
        assert label.shape == kidney(seed=number).image.shape
