"""Exported networks beside the bundles' own: any size, a real slice where there is one, and the contract."""

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import load_net_with_metadata
from PIL import Image

from patchseg.cli import main
from patchseg.crossover import CrossoverNet
from patchseg.data import find_cases
from patchseg.errors import InputError
from patchseg.export import bundle as exporting
from patchseg.export import export_bundle, formats
from patchseg.export.formats import load
from patchseg.export.parity import compare, phantom_slice, slice_record
from patchseg.weights import load_weights

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
ENDINGS = ("ts", "pt2", "onnx")
NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/models/model.pt"))
SLICES = [(1, 1, 96, 80), (3, 1, 33, 17), (1, 1, 1, 2)]  # slices, channel, rows, columns
RAYS = [(16, 8, 32, 32), (1, 1, 32, 32), (5, 12, 32, 32)]  # rays, patches, rows, columns
FINDS_SOMETHING = ("crossover_kidney", "seqpatch_prostate")  # even where only phantoms are at hand
REAL = {
    "crossover_kidney": "kits19_slices",
    "crossover_cardiac": "sunnybrook_lv",
    "crossover_breast": "breast_ultrasound",
}
each_file = pytest.mark.parametrize(("name", "ending"), [(name, ending) for name in NAMES for ending in ENDINGS])


def file_of(folder: Path, name: str, ending: str) -> Path:
    (path,) = folder.glob(f"{name}_v*.{ending}")
    return path


def own_network(name):
    parser = exporting.read_bundle(BUNDLES / name)
    return parser, load_weights(
        parser.get_parsed_content("network_def"), BUNDLES / name / "models" / "model.pt"
    ).eval()


def contract_of(folder, name, ending):
    path = file_of(folder, name, ending)
    return json.loads(path.with_name(f"{path.name}.json").read_text())


@pytest.fixture(scope="module")
def records(request, tmp_path_factory) -> dict[str, dict]:
    """A slice of a phantom for each bundle; where PATCHSEG_DATA is set, a real one of what it is made for."""
    folders = {name: tmp_path_factory.mktemp(name) for name in NAMES}
    phantoms = {name: phantom_slice(exporting.read_bundle(BUNDLES / name), folders[name]) for name in NAMES}
    if not os.environ.get("PATCHSEG_DATA"):
        return phantoms
    data = request.getfixturevalue("real_data")
    image, label = (nib.load(data / "prostate" / f"prostatex0000_{kind}.nii.gz") for kind in ("image", "label"))
    mask = np.asarray(label.dataobj) > 0
    click = slice_record(np.asarray(image.dataobj), mask, image.affine, folders["seqpatch_prostate"], clicks=True)
    kidney = find_cases(data / "kits19_slices")[0]
    slice_, parts = (np.asarray(Image.open(kidney[kind]))[..., None] for kind in ("image", "label"))
    clicks = {
        "seqpatch_prostate": click,
        "seqpatch_kidney": slice_record(slice_, parts > 0, np.eye(4), folders["seqpatch_kidney"], clicks=True),
    }
    automatic = {name: find_cases(data / folder)[0] for name, folder in REAL.items() if name in NAMES}
    return phantoms | automatic | clicks


@each_file
def test_any_size(exported, name, ending):
    run = load(ending, file_of(exported, name, ending).read_bytes())
    _, network = own_network(name)
    for size in SLICES if isinstance(network, CrossoverNet) else RAYS:
        image = torch.randn(size, generator=torch.Generator().manual_seed(sum(size)))
        expected = network(image).detach()  # with gradients: the plain form, not the fast one
        with torch.no_grad():
            torch.testing.assert_close(run(image), expected, rtol=0, atol=1e-4)


@each_file
def test_a_slice_gives_the_same_mask(exported, records, name, ending):
    parser, network = own_network(name)
    found = compare(parser, network, load(ending, file_of(exported, name, ending).read_bytes()), records[name])
    assert found["largest_difference"] <= found["tolerance"]
    assert found["different_voxels"] == 0
    assert found["voxels"] or name not in FINDS_SOMETHING


@each_file
def test_contract_and_sha256_lie_beside_each_file(exported, name, ending):
    path = file_of(exported, name, ending)
    contract = contract_of(exported, name, ending)
    digest = sha256(path.read_bytes()).hexdigest()
    assert contract["file"] == path.name and contract["sha256"] == digest
    assert path.with_name(f"{path.name}.sha256").read_text() == f"{digest}  {path.name}\n"
    weights = BUNDLES / name / "models" / "model.pt"
    assert contract["weights_sha256"] == sha256(weights.read_bytes()).hexdigest()
    metadata = json.loads((BUNDLES / name / "configs" / "metadata.json").read_text())
    assert contract["weights_license"] == metadata["weights_license"]
    assert (contract["bundle"], contract["version"]) == (name, metadata["version"])
    assert contract["parity"]["different_voxels"] == 0
    assert contract["parity"]["voxels"] or name not in FINDS_SOMETHING


@each_file
def test_contract_has_no_reference_left(exported, name, ending):
    contract = contract_of(exported, name, ending)
    text = json.dumps([contract[key] for key in ("preprocessing", "inferer", "postprocessing")])
    assert '"@' not in text and '"$' not in text and "SaveImaged" not in text
    assert all(step["does"].endswith(".") for step in contract["preprocessing"])


def test_contract_is_enough_for_crossover(exported, tmp_path):
    """Intensities by hand, from the contract alone, of an image that lies on the network's grid already."""
    contract = contract_of(exported, "crossover_kidney", "onnx")
    steps = {step["_target_"].rpartition(".")[2]: step for step in contract["preprocessing"]}
    (low, high), top = steps["CTIntensityd"]["window"], steps["CTIntensityd"]["top"]
    hu = np.random.default_rng(0).integers(-300, 600, (40, 44, 1)).astype(np.int16)
    spacing = contract["grid"]["spacing_mm"]
    affine = np.zeros((4, 4))  # first axis to the back, second to the left, third to the head
    affine[[1, 0, 2, 3], [0, 1, 2, 3]] = -spacing["rows"], -spacing["columns"], 5, 1
    nib.save(nib.Nifti1Image(hu, affine), tmp_path / "scan.nii.gz")
    parser, _ = own_network("crossover_kidney")
    image = parser.get_parsed_content("preprocessing")({"image": str(tmp_path / "scan.nii.gz")})["image"]
    by_hand = (np.clip(hu[..., 0], low, high) - low) / (high - low) * top
    np.testing.assert_allclose(np.asarray(image)[0, ..., 0], by_hand, atol=1e-5)
    assert contract["input"]["axes"] == ["slice", "channel", "row", "column"]
    assert contract["output"]["classes"] == {"0": "background", "1": "tumour"}


def test_contract_of_rays_says_what_the_config_says(exported):
    contract = contract_of(exported, "seqpatch_prostate", "onnx")
    assert contract["inferer"]["steps"] == 8 and contract["inferer"]["stride"] == 4
    assert "k * 4 * direction with k = 1..8" in contract["input"]["patches"]
    assert "48 before the click to 47 after" in contract["input"]["intensity"]
    assert len(contract["input"]["directions"]) == 16


@pytest.mark.parametrize("name", NAMES)
def test_torchscript_carries_metadata_as_monai_puts_it(exported, name):
    """MONAI Deploy takes a single .ts that holds them."""
    path = file_of(exported, name, "ts")
    _, metadata, extra = load_net_with_metadata(path, more_extra_files=["inference.json"])
    assert metadata["name"] == name
    assert json.loads(extra["inference.json"]) == json.loads(
        (BUNDLES / name / "configs/inference.json").read_text()
    )


def test_nothing_is_written_that_differs(tmp_path, monkeypatch):
    for format_ in ("exported_program", "torchscript", "pt2", "onnx"):
        monkeypatch.setattr(exporting, format_, lambda *_: b"")

    def flat(image):
        return torch.zeros(len(image), 2, *image.shape[2:])

    monkeypatch.setattr(exporting, "load", lambda *_: flat)
    with pytest.raises(InputError, match="TorchScript of crossover_kidney differs from its network"):
        export_bundle(BUNDLES / "crossover_kidney", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_are_replaced_only_when_asked(exported, capsys):
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    with pytest.raises(SystemExit) as stop:
        main(["export", "-o", str(exported), "--bundle", "seqpatch_prostate"])
    assert stop.value.code == 2 and "add --overwrite" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before


def test_weights_of_another_sha256_are_not_exported(tmp_path):
    root = Path(shutil.copytree(BUNDLES / "crossover_kidney", tmp_path / "crossover_kidney"))
    (root / "models" / "model.pt.sha256").write_text("0" * 64 + "  model.pt\n")
    with pytest.raises(InputError, match=r"model\.pt\.sha256 was written for"):
        export_bundle(root, tmp_path / "out")


def test_without_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(InputError, match=r"ONNX needs onnxscript.*: pip install 'patchseg\[export\]'"):
        export_bundle(BUNDLES / "crossover_kidney", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bundle_that_needs_training(tmp_path):
    root = Path(shutil.copytree(BUNDLES / "crossover_kidney", tmp_path / "crossover_kidney"))
    (root / "models" / "model.pt").unlink()
    with pytest.raises(InputError, match=r"there are no weights at .*: train the bundle first"):
        export_bundle(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()
