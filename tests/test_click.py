"""`patchseg click` on a bundle whose network takes what is brighter than its surroundings."""

import json

import itk
import nibabel as nib
import numpy as np
import pytest
import torch

from patchseg.cli import main
from patchseg.click import report
from patchseg.segment import Segmentation

INFERENCE = {
    "imports": ["$import torch", "$import patchseg"],
    "device": "$torch.device('cpu')",
    # nothing is mixed: each patch becomes 40 * (patch - 0.5)
    "network_def": {"_target_": "torch.nn.Linear", "in_features": 32, "out_features": 32},
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "patchseg.data.LoadScand", "keys": "image", "ensure_channel_first": True},
            {"_target_": "patchseg.data.AsVolumed", "keys": "image"},
            {"_target_": "patchseg.geometry.NetworkGridd", "keys": "image", "spacing": 0.8},
            {"_target_": "patchseg.geometry.ClickGuidanced", "keys": "image"},
        ],
    },
    "inferer": {"_target_": "patchseg.seqpatch.inferer.ClickInferer"},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "patchseg.seqpatch.confidence.ConfidencePerSliced", "keys": "pred"},
            {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.5},
            {"_target_": "CastToTyped", "keys": "pred", "dtype": "$torch.uint8"},
            {
                "_target_": "Invertd",
                "keys": "pred",
                "transform": "@preprocessing",
                "orig_keys": "image",
                "nearest_interp": True,
            },
        ],
    },
}
SHAPE = (90, 84, 9)


@pytest.fixture(autouse=True)
def bundle(tmp_path, monkeypatch):
    root = tmp_path / "bundles" / "seqpatch_prostate"
    (root / "configs").mkdir(parents=True)
    (root / "models").mkdir()
    (root / "configs" / "inference.json").write_text(json.dumps(INFERENCE))
    (root / "configs" / "metadata.json").write_text(json.dumps({"version": "0.1.0"}))
    weights = {"weight": 40 * torch.eye(32), "bias": torch.full((32,), -20.0)}
    torch.save(weights, root / "models" / "model.pt")
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(root.parent))
    return root


def blob(centre, radius=12.0):
    """A ball in mm, for voxels of 0.8 x 0.8 x 4 mm."""
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    return np.linalg.norm((grid - centre) * (0.8, 0.8, 4), axis=-1) <= radius


OBJECT, OTHER = blob((40, 40, 4)), blob((40, 67, 4), 8.0)


def scan_of(mask, path, codes="RAS"):
    """A scan of grey 100 and 300 in the mask, with air around, in an oblique frame and this order of axes."""
    voxels = np.full(SHAPE, 100, np.int16)
    voxels[mask] = 300
    voxels[:6] = voxels[-6:] = voxels[:, :6] = voxels[:, -6:] = 0
    affine = nib.affines.from_matvec(
        nib.eulerangles.euler2mat(0.2, 0.1, 0.15) @ np.diag([0.8, 0.8, 4]), [3, -20, 7]
    )
    turn = nib.orientations.ornt_transform(nib.io_orientation(affine), nib.orientations.axcodes2ornt(codes))
    image = nib.Nifti1Image(voxels, affine).as_reoriented(turn)
    nib.save(image, path)
    moved = np.linalg.inv(image.affine) @ affine
    return path, lambda *voxel: ",".join(str(round(n)) for n in nib.affines.apply_affine(moved, voxel))


def click(*arguments):
    main(["click", *map(str, arguments)])


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        click(*arguments)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")
    return lines[0]


def read(path):
    return np.asarray(nib.load(path).dataobj)


def overlap(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SPL", "ILA"])
def test_one_click_in_any_orientation(tmp_path, codes, capsys):
    scan, voxel = scan_of(OBJECT, tmp_path / "scan.nii.gz", codes)
    click(scan, "--at", voxel(41, 39, 4), "-o", tmp_path / "mask.nii.gz")
    mask, image = nib.load(tmp_path / "mask.nii.gz"), nib.load(scan)
    assert mask.shape == image.shape and np.array_equal(mask.affine, image.affine)
    assert mask.get_data_dtype() == np.uint8
    assert overlap(read(tmp_path / "mask.nii.gz") == 1, read(scan) == 300) > 0.97
    printed = capsys.readouterr().out
    assert "volume             " in printed and " ml" in printed and "seconds" in printed
    axis = {"RAS": "k", "LPS": "k", "SPL": "i", "ILA": "i"}[codes]
    line = next(line for line in printed.splitlines() if line.startswith("confidence"))
    assert "on average, least " in line and f" at {axis} = " in line
    # what it proposes is a click inside the mask, in another slice
    proposed = tuple(map(int, line.split("--at ")[1].split(",")))
    assert read(tmp_path / "mask.nii.gz")[proposed] == 1
    assert proposed["ijk".index(axis)] != int(voxel(41, 39, 4).split(",")["ijk".index(axis)])


def test_other_formats(tmp_path):
    image = itk.image_from_array(np.ascontiguousarray(np.where(OBJECT, 300, 100).astype(np.int16).T))
    image.SetSpacing([0.8, 0.8, 4.0])
    itk.imwrite(image, str(tmp_path / "scan.mha"))
    click(tmp_path / "scan.mha", "--at=40,40,4", "--output", tmp_path / "mask.nrrd")
    mask = itk.imread(str(tmp_path / "mask.nrrd"))
    assert overlap(itk.array_view_from_image(mask).T == 1, OBJECT) > 0.99


def test_every_repeated_flag_counts(tmp_path):
    scan, _ = scan_of(OBJECT | OTHER, tmp_path / "scan.nii.gz")
    target = tmp_path / "mask.nii.gz"
    for first, second in (
        (["--at", "40,40,4"], ["--at", "40,67,4"]),
        (["--at=40,40,4"], ["--at=40,67,4"]),
        (["--at=40,40,4"], ["-a", "40, 67, 4"]),
        (["--at", "[[40,40,4],[40,67,4]]"], []),
    ):
        click(scan, *first, "-o", target, *second, "--overwrite")
        assert overlap(read(target) == 1, OBJECT | OTHER) > 0.97, (first, second)
    click(scan, "--at", "40,40,4", "-o", target, "--overwrite")
    assert overlap(read(target) == 1, OBJECT) > 0.97


def test_background_clicks(tmp_path):
    touching = OBJECT | blob((40, 60, 4), 9.0)
    scan, _ = scan_of(touching, tmp_path / "scan.nii.gz")
    target = tmp_path / "mask.nii.gz"
    click(scan, "--at", "40,40,4", "-o", target)
    assert read(target)[40, 62, 4] == 1
    for flags in (
        ["--not", "40,62,4"],
        ["--not=40,62,4"],
        ["--not_at", "40,62,4"],
        ["--not", "40,62,4", "--not=40,60,5"],
    ):
        click(scan, "--at", "40,40,4", *flags, "-o", target, "--overwrite")
        assert not read(target)[:, 54:, 4].any() and read(target)[40, 45, 4] == 1
    assert read(target)[40, 60, 5] == 0  # of the second --not


def test_wrong_clicks(tmp_path, capsys):
    scan, _ = scan_of(OBJECT, tmp_path / "scan.nii.gz")
    target = tmp_path / "mask.nii.gz"
    for flags, words in (
        ([], "--at I,J,K"),
        (["--not", "40,40,4"], "--at I,J,K"),
        (["--at"], "--at I,J,K"),
        (["--at", "40,40"], "lacks its slice"),
        (["--at", "40,40,x"], '"40,40,x" is no click'),
        (["--at", "40.5,40,4"], '"40.5,40,4" is not three whole numbers'),
        (["--at", "40,40,9"], "outside"),
        (["--at", "40,-1,4"], "outside"),
        (["--at", "-1,40,4"], "[-1, 40, 4] lies outside"),
        (["--at=40,40,4", "--not=40,84,4"], "90 x 84 x 9"),
        (["--at", "2,2,4"], "lies in air"),
    ):
        assert words in refused(capsys, scan, "-o", target, *flags)
        assert not target.exists()


def test_files_are_checked_as_for_segment(tmp_path, capsys):
    scan, _ = scan_of(OBJECT, tmp_path / "scan.nii.gz")
    target = tmp_path / "mask.nii.gz"
    target.write_bytes(b"old")
    assert "add --overwrite" in refused(capsys, scan, "--at", "40,40,4", "-o", target)
    assert target.read_bytes() == b"old"
    assert "there is no scan" in refused(capsys, tmp_path / "no.nii", "--at", "1,2,3", "-o", tmp_path / "m.nii")
    assert "choose one" in refused(capsys, scan, "--at", "1,2,3", "-o", tmp_path / "m.nii", "--bundle", "nothing")
    with pytest.raises(SystemExit) as stop:
        click(scan, "--at", "40,40,4", "-o", tmp_path / "m.nii", "--typo", "3")
    assert stop.value.code == 2 and not (tmp_path / "m.nii").exists()


def test_bundles_that_take_no_clicks_and_bundles_that_need_them(tmp_path, capsys, bundle):
    scan, _ = scan_of(OBJECT, tmp_path / "scan.nii.gz")
    with pytest.raises(SystemExit):
        main(["segment", str(scan), "-o", str(tmp_path / "m.nii"), "--bundle", "seqpatch_prostate"])
    assert "no foreground click" in capsys.readouterr().err
    config = json.loads(json.dumps(INFERENCE))
    config["preprocessing"]["transforms"].pop()
    (bundle / "configs" / "inference.json").write_text(json.dumps(config))
    assert "takes no clicks" in refused(capsys, scan, "--at", "40,40,4", "-o", tmp_path / "m.nii")
    assert not (tmp_path / "m.nii").exists()


def test_nothing_found(tmp_path, capsys):
    scan, _ = scan_of(OBJECT, tmp_path / "scan.nii.gz")
    click(scan, "--at", "75,14,4", "-o", tmp_path / "mask.nii.gz")
    assert "nothing was found at the click" in capsys.readouterr().out
    assert not read(tmp_path / "mask.nii.gz").any()


def test_the_report_names_the_least_sure_slice_without_a_click():
    mask = np.zeros((5, 30, 20), np.uint8)
    mask[1:4, 10:20, 5:16] = 1
    found = Segmentation(mask, np.eye(4), confidence={"axis": 0, "values": [0.2, 0.6, 0.5, 0.7, 0.1]})
    assert report(found, {"foreground": [[2, 14, 10]]}).startswith("0.60 on average, least 0.60 at i = 1; ")
    assert report(found, {"foreground": [[1, 14, 10]]}).endswith(
        "at i = 2; if it is wrong there, add --at 2,14,10"
    )
    assert report(found, {"foreground": [[n, 14, 10] for n in (1, 2, 3)]}) == "0.60 on average"
