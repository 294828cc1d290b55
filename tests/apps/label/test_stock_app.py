"""Label's own `monaibundle` app loads the same folders, offline."""

import shutil
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from running import inside, start
from studies import copy_bundles, kidney, prostate, write_nifti

from patchseg.segment import segment_scan


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The app from Label's wheel with both bundles in its model folder, as its guide says."""
    folder = tmp_path_factory.mktemp("stock")
    studies = folder / "studies"
    studies.mkdir()
    for name, case in (("kidney", kidney()), ("prostate", prostate("prostate_oblique"))):
        write_nifti(case.image, case.affine, studies / f"{name}.nii.gz")
    app = folder / "monaibundle"
    shutil.copytree(Path(sys.prefix) / "monailabel" / "sample-apps" / "monaibundle", app)
    bundles = copy_bundles(app / "model")
    names = ",".join(sorted(bundle.name for bundle in bundles.iterdir()))
    conf = ["--conf", "models", names, "--conf", "zoo_source", "local", "--conf", "sam2", "false"]
    command = ["-m", "monailabel.main", "start_server", "--app", str(app), "--studies", str(studies)]
    with start(studies, bundles, [*command, "--host", "127.0.0.1", *conf]) as running:
        yield running


def test_both_bundles_are_loaded(stock):
    assert set(stock.info()["models"]) == {"crossover_kidney", "seqpatch_prostate"}


def test_automatic(stock, tmp_path):
    file, _ = stock.mask(tmp_path, "crossover_kidney", image="kidney")
    expected = segment_scan(stock.studies / "kidney.nii.gz", stock.bundles / "crossover_kidney")
    assert np.array_equal(np.asarray(nib.load(file).dataobj), expected.mask)


def test_click(stock, tmp_path):
    """Not offered in Slicer's SmartEdit, where the app's type would have to be deepgrow, but answered."""
    case = prostate("prostate_oblique")
    file, _ = stock.mask(tmp_path, "seqpatch_prostate", image="prostate", foreground=[case.click])
    assert inside(file, case.click)
