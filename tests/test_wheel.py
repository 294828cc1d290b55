"""The wheel, built from a copy of the sources and used from a folder of its own, without the network."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from patchseg.packing import pack_bundle

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "common", "bundles")


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--quiet", "--no-deps", "--no-index"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "source").mkdir()
    junk = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        source, target = REPOSITORY / name, folder / "source" / name
        shutil.copytree(source, target, ignore=junk) if source.is_dir() else shutil.copyfile(source, target)
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs the installed `patchseg` with arguments; its dependencies are those of this environment."""
    site, cwd = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    pip("install", "--target", site, wheel)
    quiet = {"PYTHONPATH": str(site), "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    env = {key: value for key, value in os.environ.items() if key != "PATCHSEG_BUNDLES"} | quiet

    def run(*arguments: object) -> subprocess.CompletedProcess:
        command = [sys.executable, site / "bin" / "patchseg", *arguments]
        return subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True)

    return run


def test_it_carries_code_bundles_and_licences(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/metadata.json")}
    for bundle in shipped:
        parts = ["configs/inference.json", "models/LICENSE.txt", "LICENSE", "docs/data_license.txt"]
        if (REPOSITORY / "bundles" / bundle / "models" / "model.pt").is_file():
            parts += ["models/model.pt", "models/model.pt.sha256"]
        for part in parts:
            assert f"patchseg/shipped/{bundle}/{part}" in names
    assert "patchseg/templates/report.html" in names and "patchseg/cli.py" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"patchseg"}


def test_help(installed):
    ended = installed("--help")
    assert ended.returncode == 0
    assert all(command in ended.stdout + ended.stderr for command in ("segment", "click", "pack", "export"))


def test_segment_uses_the_bundle_inside(installed, tmp_path):
    scan = np.random.default_rng(0).normal(0, 60, (40, 36, 2)).astype(np.int16)
    nib.save(nib.Nifti1Image(scan, np.diag([-2, -2, 4, 1])), tmp_path / "scan.nii.gz")
    ended = installed("segment", tmp_path / "scan.nii.gz", "-o", tmp_path / "mask.nii.gz")
    assert ended.returncode == 0, ended.stderr
    assert nib.load(tmp_path / "mask.nii.gz").shape == scan.shape


def test_a_bundle_that_is_not_there_lists_those_inside(installed, tmp_path):
    (tmp_path / "scan.nii.gz").touch()
    ended = installed("segment", tmp_path / "scan.nii.gz", "--bundle", "lung", "-o", tmp_path / "mask.nii.gz")
    assert ended.returncode == 2 and "crossover_kidney, crossover_myocardium, seqpatch_kidney" in ended.stderr


def test_it_packs_its_bundles(installed, tmp_path):
    """To the same bytes as the sources do."""
    ended = installed("pack", "-o", tmp_path / "zips", "--bundle", "crossover_kidney")
    assert ended.returncode == 0, ended.stderr
    (path,) = (tmp_path / "zips").iterdir()
    again = pack_bundle(REPOSITORY / "bundles" / "crossover_kidney", tmp_path / "again")
    assert path.read_bytes() == again.read_bytes()
