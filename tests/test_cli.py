"""The command line on a bundle that thresholds at 100 and on scans in every stored form."""

import functools
import io
import itertools
import json

import itk
import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import LoadImage, Orientation
from tqdm import tqdm

from patchseg.cli import main
from patchseg.segment import _slices_shown

INFERENCE = {
    "bundle_root": ".",
    "device": "$torch.device('cpu')",
    "imports": ["$import torch"],
    # a 1x1x1 convolution that computes image - 100
    "network_def": {"_target_": "torch.nn.Conv3d", "in_channels": 1, "out_channels": 1, "kernel_size": 1},
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "SpatialPadd", "keys": "image", "spatial_size": [20, 20, 20]},
        ],
    },
    "inferer": {"_target_": "SimpleInferer"},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "AsDiscreted", "keys": "pred", "threshold": 0.0},
            {"_target_": "CastToTyped", "keys": "pred", "dtype": "$torch.uint8"},
            {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image",
             "nearest_interp": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "$@bundle_root + '/saved'"},
        ],
    },
}  # fmt: skip
OBLIQUE = np.array([[0.68, -0.2, 0.4, -40], [0.22, 0.7, -0.3, 12], [-0.1, 0.13, 2.45, 70], [0, 0, 0, 1]])


@pytest.fixture(autouse=True)
def bundle(tmp_path, monkeypatch):
    root = tmp_path / "bundles" / "threshold"
    (root / "configs").mkdir(parents=True)
    (root / "models").mkdir()
    (root / "configs" / "inference.json").write_text(json.dumps(INFERENCE))
    (root / "configs" / "metadata.json").write_text(json.dumps({"version": "0.1.0"}))
    weights = {"weight": torch.ones(1, 1, 1, 1, 1), "bias": torch.tensor([-100.0])}
    torch.save(weights, root / "models" / "model.pt")
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(root.parent))
    return root


def volume(shape=(9, 11, 7), seed=0):
    """int16 noise below the threshold, a lopsided bright block and one bright voxel."""
    data = np.random.default_rng(seed).integers(0, 50, shape).astype(np.int16)
    data[1:4, 2:8, 1:3] = 200
    data[-1, 0, -1] = 200
    return data


def save_itk(data, path, direction=None):
    image = itk.image_from_array(np.ascontiguousarray(data.T))
    image.SetSpacing([0.7, 0.9, 2.5])
    image.SetOrigin([-30.0, 14.0, 88.0])
    image.SetDirection(itk.matrix_from_array(np.eye(3) if direction is None else direction))
    itk.imwrite(image, str(path))
    return path


def save_series(
    data, folder, uid="1.2.826.0.1.3680043.8.498.7", description="portal venous", skip=(), names=None, moved=()
):
    """One DICOM file per slice: data (X, Y, Z), 2.5 mm apart from z = 5 mm upward."""
    folder.mkdir(exist_ok=True)
    for k in range(data.shape[2]):
        if k in skip:
            continue
        image = itk.image_from_array(np.ascontiguousarray(data[:, :, k].T[None]))
        image.SetSpacing([0.7, 0.8, 2.5])
        image.SetOrigin([-10.0, -20.0, 5 + 2.5 * k + dict(moved).get(k, 0)])
        tags = image.GetMetaDataDictionary()
        tags["0008|0060"], tags["0020|000d"], tags["0020|000e"] = "CT", "1.2.3.4", uid
        tags["0008|103e"], tags["0020|0013"], tags["0008|0021"] = description, str(k + 1), "20200101"
        image.SetMetaDataDictionary(tags)
        io = itk.GDCMImageIO.New()
        io.KeepOriginalUIDOn()
        name = f"{uid[-1]}_{(names or list(range(99)))[k]:03d}.dcm"
        itk.imwrite(image, str(folder / name), imageio=io)
    return folder


def run(*arguments):
    main(["segment", *map(str, arguments), "--bundle", "threshold"])


def refused(capsys, *arguments):
    """Run, expect exit code 2 and one sentence, and return it."""
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")
    return lines[0]


def loaded(path):
    image = LoadImage(ensure_channel_first=True, dtype=None)(str(path))
    return image[0].numpy(), image.affine.numpy()


def assert_mask_of(scan, mask):
    """The mask file stands on the scan's grid and holds exactly what is above the threshold."""
    (data, affine), (found, where) = loaded(scan), loaded(mask)
    assert found.dtype == np.uint8
    assert np.array_equal(found, data > 100)
    assert np.allclose(where, affine, atol=1e-4)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "SLA", "AIL"])
def test_nifti_orientations(tmp_path, axes, capsys):
    affine = torch.diag(torch.tensor([0.7, 0.9, 2.5, 1.0])).double()
    affine[:3, 3] = torch.tensor([-30.0, 14.0, 88.0])
    image = Orientation(axcodes=axes, labels=(("L", "R"), ("P", "A"), ("I", "S")))(
        MetaTensor(torch.from_numpy(volume())[None], affine=affine)
    )
    nibabel.save(nibabel.Nifti1Image(image[0].numpy(), image.affine.numpy()), tmp_path / "scan.nii.gz")
    run(tmp_path / "scan.nii.gz", "-o", tmp_path / "mask.nii.gz")
    assert_mask_of(tmp_path / "scan.nii.gz", tmp_path / "mask.nii.gz")
    printed = capsys.readouterr().out
    voxel = 0.7 * 0.9 * 2.5 / 1000
    assert f"volume             {37 * voxel:.2f} ml" in printed
    assert f"largest component  {36 * voxel:.2f} ml" in printed
    assert "mask.nii.gz" in printed and "total" in printed


def test_oblique_nifti_keeps_its_header(tmp_path):
    image = nibabel.Nifti1Image(volume(), OBLIQUE)
    image.set_qform(OBLIQUE, 1)
    image.set_sform(OBLIQUE, 2)
    nibabel.save(image, tmp_path / "scan.nii")
    run(tmp_path / "scan.nii", "-o", tmp_path / "mask.nii.gz")
    assert_mask_of(tmp_path / "scan.nii", tmp_path / "mask.nii.gz")
    one, two = nibabel.load(tmp_path / "scan.nii").header, nibabel.load(tmp_path / "mask.nii.gz").header
    for key in ("qform_code", "sform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "qoffset_z", "pixdim"):
        assert np.array_equal(one[key], two[key]), key


@pytest.mark.parametrize("ending", [".mha", ".mhd", ".nrrd"])
@pytest.mark.parametrize("mask", ["mask.mha", "mask.nrrd", "mask.nii.gz"])
def test_itk_formats(tmp_path, ending, mask):
    turned = np.array([[0.0, 0.8, 0.6], [1.0, 0.0, 0.0], [0.0, 0.6, -0.8]])
    scan = save_itk(volume(), tmp_path / f"scan{ending}", turned)
    run(scan, "--output", tmp_path / mask)
    assert_mask_of(scan, tmp_path / mask)


def test_the_bundle_saves_nothing_itself(tmp_path, bundle):
    scan = save_itk(volume(), tmp_path / "scan.mha")
    run(scan, "-o", tmp_path / "mask.nrrd")
    assert not (bundle / "saved").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundles", "mask.nrrd", "scan.mha"]


def test_dicom_series_in_any_file_order(tmp_path):
    data = volume()
    expected = data > 100
    for name, names in (("up", None), ("down", list(range(9, 0, -1))), ("mixed", [3, 1, 6, 0, 5, 2, 4])):
        folder = save_series(data, tmp_path / name, names=names)
        run(folder, "-o", tmp_path / f"{name}.nii.gz")
        found, affine = loaded(tmp_path / f"{name}.nii.gz")
        assert np.array_equal(found, expected)
        assert np.allclose(affine[2], [0, 0, 2.5, 5]) and np.allclose(affine[0], [-0.7, 0, 0, 10])


def test_several_series_are_listed_and_one_can_be_chosen(tmp_path, capsys):
    first, second = volume(seed=1), volume(seed=2)[:, :, :5]
    folder = save_series(first, tmp_path / "dicom", "1.2.8.1", "arterial")
    save_series(second, folder, "1.2.8.2", "delayed")
    text = refused(capsys, folder, "-o", tmp_path / "mask.mha")
    assert "1.2.8.1 (arterial, 7 slices)" in text and "1.2.8.2 (delayed, 5 slices)" in text
    assert "--series" in text and not (tmp_path / "mask.mha").exists()
    run(folder, "-o", tmp_path / "mask.mha", "--series", "1.2.8.2")
    assert np.array_equal(loaded(tmp_path / "mask.mha")[0], second > 100)
    assert "no series 9.9" in refused(capsys, folder, "-o", tmp_path / "no.mha", "--series=9.9")


def test_missing_slice(tmp_path, capsys):
    folder = save_series(volume(), tmp_path / "dicom", skip=(3,))
    assert "misses a slice between 10.0 and 15.0 mm" in refused(capsys, folder, "-o", tmp_path / "m.mha")


def test_slices_out_of_place(tmp_path, capsys):
    for name, shift, words in (
        ("double", -2.5, "two slices at one position"),
        ("uneven", 0.6, "uneven slice spacing"),
    ):
        folder = save_series(volume(), tmp_path / name, moved={3: shift})
        assert words in refused(capsys, folder, "-o", tmp_path / "m.mha")
    folder = save_series(volume(), tmp_path / "slightly", moved={3: 0.1})
    with pytest.warns(UserWarning, match="slightly uneven slice spacing"):
        run(folder, "-o", tmp_path / "m.mha")


def test_slices_are_counted_on_a_terminal(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("patchseg.segment.tqdm", functools.partial(tqdm, mininterval=0, file=terminal))
    clock = itertools.count(step=3)
    monkeypatch.setattr("tqdm.std.time", lambda: float(next(clock)))  # every step seems to take three seconds
    monkeypatch.setattr(tqdm, "monitor_interval", 0)
    network = torch.nn.Identity()
    with _slices_shown(network, 6):
        for _ in range(3):
            assert network(torch.zeros(2, 1, 4, 4)).shape == (2, 1, 4, 4)
    network(torch.zeros(2, 1, 4, 4))
    assert "6/6" in terminal.getvalue() and "8/6" not in terminal.getvalue()
    with _slices_shown(network, None, per_slice=16):
        for _ in range(3):
            network(torch.zeros(32, 8, 4, 4))
    assert "slices: 6it" in terminal.getvalue()


def test_wrong_scans(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged.nii.gz").write_bytes(b"no image")
    (tmp_path / "damaged.mha").write_bytes(b"no image")
    (tmp_path / "scan.png").write_bytes(b"")
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4, 2)), np.eye(4)), tmp_path / "series.nii")
    target = tmp_path / "mask.nii.gz"
    for name, words in {
        "nowhere.nii": "there is no scan",
        "empty": "no DICOM images",
        "damaged.nii.gz": "cannot be read as an image",
        "damaged.mha": "cannot be read as an image",
        "scan.png": "no known format",
        "series.nii": "(4, 4, 4, 2)",
    }.items():
        assert words in refused(capsys, tmp_path / name, "-o", target)
        assert not target.exists()


def test_wrong_targets(tmp_path, capsys):
    scan = save_itk(volume(), tmp_path / "scan.mha")
    before = scan.read_bytes()
    (tmp_path / "old.nii.gz").write_bytes(b"old")
    (tmp_path / "link.mha").symlink_to(scan)
    assert "exists" in refused(capsys, scan, "-o", tmp_path / "old.nii.gz")
    assert (tmp_path / "old.nii.gz").read_bytes() == b"old"
    assert "make it first" in refused(capsys, scan, "-o", tmp_path / "no" / "mask.nii.gz")
    assert "names no format" in refused(capsys, scan, "-o", tmp_path / "mask.png")
    for same in ("scan.mha", "link.mha"):
        assert "scan itself" in refused(capsys, scan, "-o", tmp_path / same, "--overwrite")
    assert scan.read_bytes() == before
    run(scan, "-o", tmp_path / "old.nii.gz", "--overwrite")
    assert_mask_of(scan, tmp_path / "old.nii.gz")


def test_wrong_bundles(tmp_path, capsys, bundle):
    scan = save_itk(volume(), tmp_path / "scan.mha")
    with pytest.raises(SystemExit):
        main(["segment", str(scan), "-o", str(tmp_path / "m.mha"), "--bundle", "nothing"])
    assert "threshold" in capsys.readouterr().err
    torch.save({"weight": torch.ones(2)}, bundle / "models" / "model.pt")
    assert "checkpoint of another network" in refused(capsys, scan, "-o", tmp_path / "m.mha")
    (bundle / "models" / "model.pt").unlink()
    assert "there are no weights" in refused(capsys, scan, "-o", tmp_path / "m.mha")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundles", "scan.mha"]


def test_an_error_while_saving_leaves_nothing_behind(tmp_path, monkeypatch, capsys):
    scan = save_itk(volume(), tmp_path / "scan.mha")

    def full(image, path, **_):
        open(path, "w").close()
        raise OSError("no space left on device")

    monkeypatch.setattr("patchseg.masks.itk.imwrite", full)
    assert "cannot be written (no space left on device)" in refused(capsys, scan, "-o", tmp_path / "mask.mha")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundles", "scan.mha"]


@pytest.mark.parametrize("extra", [["--typo", "3"], ["second.nii"], ["--mask=x"]])
def test_unknown_arguments_run_nothing(tmp_path, extra, capsys):
    scan = save_itk(volume(), tmp_path / "scan.mha")
    with pytest.raises(SystemExit) as stop:
        run(scan, *extra, "-o", tmp_path / "mask.mha")
    assert stop.value.code == 2
    assert not (tmp_path / "mask.mha").exists()


def test_numeric_names_stay_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_series(volume(), tmp_path / "001")
    run("001", "-o", "mask.mha")
    assert (tmp_path / "mask.mha").is_file()


@pytest.mark.parametrize(
    "arguments, words, example",
    [
        (["--help"], "segment", "patchseg segment scan.nii.gz"),
        (["--help"], "click", "patchseg click scan.nii.gz --at"),
        (["segment", "--help"], "DICOM series", "patchseg segment scan.nii.gz"),
        (["click", "--help"], "also --not", "--at 190,200,9 --at 188,204,4 --not 150,200,9"),
    ],
)
def test_help_teaches(arguments, words, example, capsys, monkeypatch):
    monkeypatch.setenv("PAGER", "cat")
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 0
    printed = capsys.readouterr()
    assert words in printed.out + printed.err
    assert example in printed.out + printed.err
