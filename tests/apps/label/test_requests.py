"""Requests that are wrong or mean harm: a sentence and a 4xx, nothing outside the studies, and life goes on."""

import json
from pathlib import Path

import numpy as np
import pytest
from studies import interactions, prostate, write_nifti

CLICKED = "seqpatch_prostate"


@pytest.fixture
def secret(server, tmp_path) -> Path:
    """An image beside the studies folder, which no request may reach."""
    return write_nifti(np.ones((20, 20, 3), np.int16), np.eye(4), server.studies.parent / "secret.nii.gz")


@pytest.fixture(autouse=True)
def still_alive(server):
    yield
    assert server.get("/info/").status_code == 200


def refusal(answer) -> str:
    assert answer.status_code == 400, (answer.status_code, answer.text)
    detail = answer.json()["detail"]
    assert "Traceback" not in detail and "\n" not in detail
    return detail


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"foreground": [[5000, 0, 0]]}, "lies outside"),
        ({"foreground": []}, "has no foreground click"),
        ({"foreground": [[1.5, 2, 3]]}, "is not three whole numbers"),
        ({"foreground": [[9, 9]]}, "lacks its slice"),
        ({"foreground": "'; import os"}, "is no click"),
        ({"device": "tpu"}, "there is no device"),
        ({"device": "$__import__('os').system('touch hacked')"}, "there is no device"),
        ({"result_extension": "/../../hacked.nii.gz"}, "result_extension"),
    ],
)
def test_bad_parameter(server, given, words):
    case = prostate()
    assert words in refusal(server.infer(CLICKED, image="prostate_lps", **{"foreground": [case.click], **given}))


def test_unknown_model(server):
    served = ", ".join(interactions(server.bundles))
    refused = refusal(server.infer("liver", image="prostate_lps"))
    assert refused == f'there is no model "liver": choose one of {served}.'


def test_unknown_image(server):
    assert "there is no image" in refusal(server.infer(CLICKED, image="nobody", foreground=[[1, 1, 1]]))


def test_unreadable_image(server):
    assert "damaged.nii.gz cannot be read" in refusal(server.infer("crossover_kidney", image="damaged"))


@pytest.mark.parametrize(
    ("given", "words"), [("{broken", "no JSON"), ("[1, 2]", "JSON object"), ("3", "JSON object")]
)
def test_parameters_that_are_no_json_object(server, given, words):
    answer = server.post(f"/infer/{CLICKED}", params={"image": "prostate_lps"}, data={"params": given})
    assert words in refusal(answer)


@pytest.mark.parametrize("way", ["absolute", "relative", "in params", "whole slide"])
def test_no_image_outside_the_studies(server, secret, way):
    if way == "whole slide":
        answer = server.post("/infer/wsi_v2/crossover_kidney", params={"image": str(secret)}, data={"wsi": "{}"})
    elif way == "in params":
        answer = server.post(
            "/infer/crossover_kidney",
            params={"image": "prostate_lps"},
            data={"params": json.dumps({"image": str(secret)})},
        )
    else:
        answer = server.infer("crossover_kidney", image=str(secret) if way == "absolute" else f"../{secret.name}")
    refusal(answer)


@pytest.mark.parametrize("image", ["/etc/passwd", "../../../../../../../../etc/passwd", "/", ".."])
def test_what_exists_elsewhere_is_not_told(server, image):
    there, not_there = (refusal(server.infer(CLICKED, image=name)) for name in (image, image + "x"))
    assert there.replace(f'"{image}"', "") == not_there.replace(f'"{image}x"', "")


@pytest.mark.parametrize("image", ["../outside", "/tmp/outside", "", "..", ".hidden", "a/b"])
def test_no_upload_leaves_the_studies(server, image):
    before = tree(server.studies.parent)
    file = {"file": ("x.nii.gz", (server.studies / "prostate_lps.nii.gz").read_bytes())}
    answer = server.put("/datastore/image", params={"image": image}, files=file)
    if image:
        refusal(answer)
        assert tree(server.studies.parent) == before
    else:  # the file's own name is taken
        assert answer.json() == {"image": "x"}
        (server.studies / "x.nii.gz").unlink()


def test_no_upload_of_programs(server):
    file = {"file": ("sitecustomize.py", b"print('hacked')")}
    assert "another ending" in refusal(server.put("/datastore/image", params={"image": "program"}, files=file))


def test_no_label_leaves_the_studies(server):
    before = tree(server.studies.parent)
    label = {"label": ("x.nii.gz", (server.studies / "prostate_lps.nii.gz").read_bytes())}
    query = {"image": "prostate_lps", "tag": "../../final"}
    refusal(server.put("/datastore/label", params=query, files=label))
    assert tree(server.studies.parent) == before


def test_weights_of_a_bundle_are_not_for_requests(server):
    weights = server.bundles / "crossover_kidney" / "models" / "model.pt"
    before = weights.read_bytes()
    upload = {"file": ("model.pt", b"another")}
    assert not server.put("/model/crossover_kidney", files=upload).ok
    assert not server.get("/model/../../../etc/passwd").ok
    assert weights.read_bytes() == before


def test_weights_of_another_sha256_are_refused(server):
    """Weights that were exchanged while the server runs; it goes on when the right ones are back."""
    weights = server.bundles / "crossover_kidney" / "models" / "model.pt"
    before = weights.read_bytes()
    weights.write_bytes(before + b" ")
    assert "model.pt.sha256 was written for" in refusal(server.infer("crossover_kidney", image="kidney_ras"))
    weights.write_bytes(before)
    assert server.infer("crossover_kidney", image="kidney_ras").status_code == 200


@pytest.mark.parametrize(
    "given",
    [{"max_epochs": "$__import__('os').system('touch hacked')"}, {"val_split": 5}, {"device": "$1"}],
)
def test_training_takes_no_code(server, given):
    server.post("/train/crossover_kidney", json={"max_epochs": 1, **given})
    task = server.wait("train")
    assert task["status"] == "ERROR"
    assert any(key in line for key in given for line in task["details"])
    assert not list(server.studies.rglob("hacked"))


def tree(folder: Path) -> list[str]:
    ours = (".lock", "datastore_v2.json")  # Label's own notes
    return sorted(str(p) for p in folder.rglob("*") if p.suffix != ".log" and p.name not in ours)
