"""The zip itself: what is in it, that it is the same each time, and what is refused."""

import ast
import json
import re
import shutil
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from packed_program import BUNDLES, NAMES

from patchseg.cli import main
from patchseg.errors import InputError
from patchseg.packing import pack_bundle, packed_files, vendor

ZOO = (
    "configs/metadata.json",
    "LICENSE",
    "models/model.pt",
    "configs/inference.json",
    "docs/README.md",
    "docs/data_license.txt",
)


@pytest.fixture
def bundle(tmp_path):
    return Path(shutil.copytree(BUNDLES / "crossover_kidney", tmp_path / "crossover_kidney"))


@pytest.mark.parametrize("name", NAMES)
def test_layout_of_the_model_zoo(zips, name):
    version = json.loads((BUNDLES / name / "configs" / "metadata.json").read_text())["version"]
    assert zips[name].name == f"{name}_v{version}.zip"
    with zipfile.ZipFile(zips[name]) as archive:
        files = {entry.filename: entry for entry in archive.infolist()}
        metadata = json.loads(archive.read(f"{name}/configs/metadata.json"))
        weights = archive.read(f"{name}/models/model.pt")
        stated = archive.read(f"{name}/models/model.pt.sha256").decode()
    assert {file.partition("/")[0] for file in files} == {name}
    assert [file for file in ZOO if f"{name}/{file}" not in files] == []
    assert metadata["version"] in metadata["changelog"]
    assert stated == f"{sha256(weights).hexdigest()}  model.pt\n"
    large = [file for file, entry in files.items() if entry.file_size > 25 * 2**20]
    assert large == [], "files above 25 MB belong into large_files.yml"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_again(zips, tmp_path, name):
    for path in shutil.copytree(BUNDLES / name, tmp_path / name).rglob("*"):
        path.touch()
    again = pack_bundle(tmp_path / name, tmp_path / "zips")
    assert again.read_bytes() == zips[name].read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_names_the_package_it_came_from(name):
    files = packed_files(BUNDLES / name)
    (package,) = {path.partition("/")[0] for path in files if path.endswith(".py")}
    assert re.fullmatch(rf"patchseg_{name}_\d+_\d+_\d+_[0-9a-f]{{8}}", package)
    for path, content in files.items():
        if path.endswith(".py"):
            nodes = list(ast.walk(ast.parse(content)))
            imported = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
            imported |= {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)}
            assert not [i for i in imported if i.split(".")[0] == "patchseg"], path
        elif path.startswith("configs/") and path != "configs/metadata.json":
            assert not re.search(r"\bpatchseg\b", content.decode()), path


@pytest.mark.parametrize("name", NAMES)
def test_metadata_lists_every_package_that_the_code_imports(name):
    files = packed_files(BUNDLES / name)
    code = [ast.parse(content) for path, content in files.items() if path.endswith(".py")]
    lines = [n for module in code for n in module.body]  # what is imported inside functions is optional
    imported = {a.name.split(".")[0] for n in lines if isinstance(n, ast.Import) for a in n.names}
    imported |= {str(n.module).split(".")[0] for n in lines if isinstance(n, ast.ImportFrom) and not n.level}
    metadata = json.loads(files["configs/metadata.json"])
    listed = {"monai", "torch", "numpy", *metadata["required_packages_version"]}
    modules = {"pytorch-ignite": "ignite", "scikit-image": "skimage"}
    imported -= {"openvino"}  # an extra, imported when asked for
    own = {path.partition("/")[0] for path in files}
    assert imported - sys.stdlib_module_names - own == {modules.get(package, package) for package in listed}


def test_every_config_of_the_bundle_is_there_and_rewritten(bundle):
    files = packed_files(bundle)
    configs = {path.name for path in (bundle / "configs").glob("*.json")}
    assert configs == {Path(path).name for path in files if path.startswith("configs/") and path.endswith(".json")}
    before = json.loads((bundle / "configs" / "train.json").read_text())
    after = json.loads(files["configs/train.json"])
    assert after.keys() - before.keys() == {"places", "code"}
    assert after["network_def"] == before["network_def"] | {"_target_": "$@code.crossover.CrossoverNet"}
    assert after["max_epochs"] == before["max_epochs"]
    plain = files["configs/metadata.json"]
    assert plain == (bundle / "configs" / "metadata.json").read_bytes()


def test_what_work_leaves_behind_stays_out(bundle):
    before = packed_files(bundle).keys()
    for name in ("models/model.ts", "models/last.pt", "eval/results.json", "data/a.nii", "configs/.hidden.json"):
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_bytes(b"{}")
    assert packed_files(bundle).keys() == before


def test_other_code_has_another_name(bundle, tmp_path, monkeypatch):
    """Of the same version too: two packages of one name would share the code of whoever came first."""
    first = vendor.vendored_name("crossover_kidney", "0.1.0")
    source = Path(shutil.copytree(vendor.SOURCE, tmp_path / "package"))
    monkeypatch.setattr(vendor, "SOURCE", source)
    assert vendor.vendored_name("crossover_kidney", "0.1.0") == first
    (source / "cleaning.py").write_text((source / "cleaning.py").read_text() + "\n# changed\n")
    assert vendor.vendored_name("crossover_kidney", "0.1.0") != first


def test_code_that_cannot_be_renamed_is_not_packed(bundle, tmp_path, monkeypatch):
    source = Path(shutil.copytree(vendor.SOURCE, tmp_path / "package"))
    (source / "cleaning.py").write_text("import os, patchseg\n")
    monkeypatch.setattr(vendor, "SOURCE", source)
    with pytest.raises(RuntimeError, match=r"cleaning\.py names patchseg"):
        packed_files(bundle)


@pytest.mark.parametrize("name", ZOO)
def test_missing_parts(bundle, tmp_path, name):
    (bundle / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}"):
        pack_bundle(bundle, tmp_path / "zips")
    assert not (tmp_path / "zips").exists()


def test_a_bundle_that_needs_training(bundle, tmp_path):
    (bundle / "models" / "model.pt").unlink()
    with pytest.raises(InputError, match=r"train the bundle first, as its docs/README\.md says"):
        pack_bundle(bundle, tmp_path / "zips")


def test_all_bundles_means_those_with_weights(bundle, tmp_path, monkeypatch, capsys):
    shutil.copytree(bundle, tmp_path / "untrained", ignore=shutil.ignore_patterns("model.pt*"))
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(bundle.parent))
    main(["pack", "-o", str(tmp_path / "zips")])
    packed = {path.name.partition("_v")[0] for path in (tmp_path / "zips").iterdir()}
    assert packed == set(NAMES)
    assert "untrained is left out: it has no weights yet" in capsys.readouterr().err


def test_weights_that_are_not_those_of_their_sha256(bundle, tmp_path):
    weights = bundle / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"model\.pt\.sha256 was written for"):
        pack_bundle(bundle, tmp_path / "zips")


def test_a_version_without_a_change(bundle, tmp_path):
    path = bundle / "configs" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": "0.2.0"}))
    with pytest.raises(InputError, match=r"0\.2\.0 of crossover_kidney is not in the changelog"):
        pack_bundle(bundle, tmp_path / "zips")


def test_a_zip_is_replaced_only_when_asked(bundle, tmp_path):
    path = pack_bundle(bundle, tmp_path / "zips")
    (bundle / "docs" / "README.md").write_text("# another\n")
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists: name another folder or add --overwrite"):
        pack_bundle(bundle, tmp_path / "zips")
    assert path.read_bytes() == before
    pack_bundle(bundle, tmp_path / "zips", overwrite=True)
    assert path.read_bytes() != before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_one(bundle, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        pack_bundle(bundle, tmp_path / "file")


def test_command(bundle, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATCHSEG_BUNDLES", str(bundle.parent))
    main(["pack", "-o", str(tmp_path / "zips"), "--bundle", "crossover_kidney"])
    (path,) = (tmp_path / "zips").iterdir()
    assert capsys.readouterr().out == f"{path}\n"
    with pytest.raises(SystemExit) as stop:
        main(["pack", "-o", str(tmp_path / "zips"), "--bundle", "crossover_kidney"])
    assert stop.value.code == 2 and "add --overwrite" in capsys.readouterr().err
    main(["pack", "-o", str(tmp_path / "zips"), "--overwrite"])
    packed = [path.name.partition("_v")[0] for path in (tmp_path / "zips").iterdir()]
    assert sorted(packed) == NAMES, "all bundles with weights"
