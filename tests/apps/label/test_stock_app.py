"""Label's own `monaibundle` app loads the same folders, and the unpacked files of `patchseg pack`, offline."""

import os
import shutil
import sys
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from running import inside, start, without_network
from studies import REPOSITORY, copy_bundles, interactions, kidney, prostate, write_nifti

from patchseg.packing import pack_bundle
from patchseg.segment import segment_scan


def unpack_bundles(folder: Path, zips: Path) -> Path:
    """Every bundle as one file, and that file unpacked."""
    for name in interactions(REPOSITORY / "bundles"):
        with zipfile.ZipFile(pack_bundle(REPOSITORY / "bundles" / name, zips)) as archive:
            archive.extractall(folder)
    return folder


@pytest.fixture(scope="module", params=["folders", "packed"])
def stock(request, tmp_path_factory):
    """The app from Label's wheel with the bundles in its model folder, as its guide says.

    The server of the packed ones cannot import the package that they were packed from.
    """
    folder = tmp_path_factory.mktemp("stock")
    studies = folder / "studies"
    studies.mkdir()
    for name, case in (("kidney", kidney()), ("prostate", prostate("prostate_oblique"))):
        write_nifti(case.image, case.affine, studies / f"{name}.nii.gz")
    app = folder / "monaibundle"
    shutil.copytree(Path(sys.prefix) / "monailabel" / "sample-apps" / "monaibundle", app)
    packed = request.param == "packed"
    bundles = unpack_bundles(app / "model", folder) if packed else copy_bundles(app / "model")
    environment = without_network(folder / "refused")
    if packed:
        (folder / "blocked" / "patchseg").mkdir(parents=True)
        broken = 'raise ImportError("a packed bundle imported patchseg")\n'
        (folder / "blocked" / "patchseg" / "__init__.py").write_text(broken)
        environment["PYTHONPATH"] = f"{folder / 'blocked'}{os.pathsep}{environment['PYTHONPATH']}"
    names = ",".join(interactions(bundles))
    conf = ["--conf", "models", names, "--conf", "zoo_source", "local", "--conf", "sam2", "false"]
    command = ["-m", "monailabel.main", "start_server", "--app", str(app), "--studies", str(studies)]
    with start(studies, bundles, [*command, "--host", "127.0.0.1", *conf], **environment) as running:
        yield running


def test_every_bundle_is_loaded(stock):
    models = stock.info()["models"]
    assert set(models) == set(interactions(stock.bundles)) >= {"crossover_kidney", "seqpatch_prostate"}


def test_nothing_was_asked_of_the_network(stock):
    assert (stock.studies.parent / "refused").read_text() == ""


def test_automatic(stock, tmp_path):
    file, _ = stock.mask(tmp_path, "crossover_kidney", image="kidney")
    expected = segment_scan(stock.studies / "kidney.nii.gz", REPOSITORY / "bundles" / "crossover_kidney")
    assert np.array_equal(np.asarray(nib.load(file).dataobj), expected.mask)


def test_click(stock, tmp_path):
    """Not offered in Slicer's SmartEdit, where the app's type would have to be deepgrow, but answered."""
    case = prostate("prostate_oblique")
    file, _ = stock.mask(tmp_path, "seqpatch_prostate", image="prostate", foreground=[case.click])
    assert inside(file, case.click)
    clicks = {"foreground": [case.click], "background": []}
    bundle = REPOSITORY / "bundles" / "seqpatch_prostate"
    expected = segment_scan(stock.studies / "prostate.nii.gz", bundle, clicks=clicks)
    assert np.array_equal(np.asarray(nib.load(file).dataobj), expected.mask)
