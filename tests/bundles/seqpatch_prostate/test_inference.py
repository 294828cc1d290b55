"""inference.json and `patchseg click`: a click on a file becomes a mask on that file's grid."""

import json
import shutil
import sys
from pathlib import Path

import itk
import nibabel as nib
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from click_program import BUNDLE, TINY, click_arguments, run_here
from program import end, start, tree
from tiny_mr import AXES, TILTS, scan, write_itk

from patchseg.cli import main


def overlap(mask: np.ndarray, reference: np.ndarray) -> float:
    return 2 * (mask & reference).sum() / (mask.sum() + reference.sum())


def assert_mask_of(mask: nib.Nifti1Image, number: int) -> None:
    """The mask lies on its scan and holds the gland."""
    image, label, *_ = scan(number)
    assert mask.shape == image.shape and mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
    found, gland = np.asarray(mask.dataobj), np.asarray(label.dataobj) == 1
    assert set(np.unique(found)) == {0, 1}
    assert overlap(found == 1, gland) > 0.6


@pytest.mark.parametrize("number", range(6), ids=[f"{a}{t:+.0f}" for a, t in zip(AXES, TILTS, strict=True)])
def test_masks_lie_on_their_scans(tmp_path, trained, quiet, number):
    (tmp_path / "scans").mkdir()
    nib.save(scan(number).image, tmp_path / "scans" / "scan.nii.gz")
    given = {"dataset_dir": tmp_path / "scans", "checkpoint": trained / "model.pt", **TINY}
    run_here("inference", output_dir=tmp_path / "masks", foreground=[scan(number).middle], **given)
    assert tree(tmp_path / "masks") == ["scan_object.nii.gz"]
    assert_mask_of(nib.load(tmp_path / "masks" / "scan_object.nii.gz"), number)


@pytest.mark.parametrize("ending", ["mha", "nrrd"])
def test_itk_files(tmp_path, trained, quiet, ending):
    (tmp_path / "scans").mkdir()
    write_itk(scan(1).image, tmp_path / "scans" / f"scan.{ending}")
    given = {"dataset_dir": tmp_path / "scans", "checkpoint": trained / "model.pt", **TINY}
    run_here("inference", output_dir=tmp_path / "masks", foreground=[scan(1).middle], **given)
    (name,) = tree(tmp_path / "masks")
    assert_mask_of(nib.load(tmp_path / "masks" / name), 1)


def test_clicks_on_the_command_line(tmp_path, trained, quiet):
    """As they are typed: two foreground clicks and a background click, against one alone."""
    (tmp_path / "scans").mkdir()
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    image, label, middle, _ = scan(3)  # LPI, tilted
    nib.save(image, tmp_path / "scans" / "scan.nii.gz")
    given = {"dataset_dir": tmp_path / "scans", "checkpoint": trained / "model.pt", **TINY}
    above = [*middle[:2], int(np.argwhere(label.get_fdata())[:, 2].max())]
    beside = [middle[0] - 5, *middle[1:]]
    clicks = {"foreground": [middle, above], "background": [beside]}
    ended = end(
        start(*click_arguments("inference", "inference", output_dir=tmp_path / "more", **clicks, **given), cwd=cwd)
    )
    assert ended.code == 0, ended.err
    assert "arning" not in ended.err, ended.err
    assert tree(cwd) == []
    run_here("inference", output_dir=tmp_path / "one", foreground=[middle], **given)
    assert tree(tmp_path / "one") == tree(tmp_path / "more") == ["scan_object.nii.gz"]
    one, more = (nib.load(tmp_path / name / "scan_object.nii.gz") for name in ("one", "more"))
    assert more.get_data_dtype() == np.uint8 and np.array_equal(more.affine, one.affine)
    assert one.dataobj[tuple(middle)] == more.dataobj[tuple(middle)] == 1
    assert one.dataobj[tuple(beside)] == 1 and more.dataobj[tuple(beside)] == 0


@pytest.fixture
def bundle(tmp_path, monkeypatch, trained) -> Path:
    """The bundle with the tiny network and its weights, where PATCHSEG_BUNDLES points to."""
    root = Path(shutil.copytree(BUNDLE, tmp_path / "bundles" / "seqpatch_prostate"))
    (root / "models").mkdir(exist_ok=True)
    for name in ("model.pt", "model.pt.sha256"):
        shutil.copy(trained / name, root / "models" / name)
    config = json.loads((root / "configs" / "inference.json").read_text())
    config |= {key: value for key, value in TINY.items() if "#" not in key}
    config["network_def"]["channels"] = TINY["network_def#channels"]
    (root / "configs" / "inference.json").write_text(json.dumps(config))
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(root.parent))
    return root


def test_patchseg_click_gives_the_bundles_own_mask(tmp_path, bundle, trained, quiet, capsys):
    image, _, middle, air = scan(1)
    (tmp_path / "scans").mkdir()
    nib.save(image, tmp_path / "scans" / "scan.nii.gz")
    at = ",".join(map(str, middle))
    main(["click", str(tmp_path / "scans" / "scan.nii.gz"), "--at", at, "-o", str(tmp_path / "mask.nii.gz")])
    printed = capsys.readouterr().out
    assert "confidence" in printed and " on average" in printed
    mask = nib.load(tmp_path / "mask.nii.gz")
    assert_mask_of(mask, 1)
    given = {"dataset_dir": tmp_path / "scans", "checkpoint": trained / "model.pt", **TINY}
    run_here("inference", output_dir=tmp_path / "masks", foreground=[middle], **given)
    assert np.array_equal(mask.dataobj, nib.load(tmp_path / "masks" / "scan_object.nii.gz").dataobj)

    at = ",".join(map(str, air))
    with pytest.raises(SystemExit) as stopped:
        main(["click", str(tmp_path / "scans" / "scan.nii.gz"), "--at", at, "-o", str(tmp_path / "air.nii.gz")])
    assert stopped.value.code == 2 and "lies in air" in capsys.readouterr().err
    assert not (tmp_path / "air.nii.gz").exists()


def test_patchseg_click_on_other_formats(tmp_path, bundle, quiet):
    write_itk(scan(4).image, tmp_path / "scan.mha")
    at = ",".join(map(str, scan(4).middle))
    main(["click", str(tmp_path / "scan.mha"), "--at", at, "-o", str(tmp_path / "mask.nrrd")])
    mask, image = (itk.imread(str(tmp_path / name)) for name in ("mask.nrrd", "scan.mha"))
    assert np.allclose(mask.GetOrigin(), image.GetOrigin()) and np.allclose(mask.GetSpacing(), image.GetSpacing())
    assert overlap(itk.array_view_from_image(mask).T == 1, np.asarray(scan(4).label.dataobj) == 1) > 0.6
