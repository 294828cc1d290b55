from pathlib import Path

import pytest

from patchseg.export import export_bundle

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"


@pytest.fixture(scope="session")
def exported(tmp_path_factory) -> Path:
    """The folder with every bundle that has weights in every format."""
    folder = tmp_path_factory.mktemp("exported")
    for weights in sorted(BUNDLES.glob("*/models/model.pt")):
        export_bundle(weights.parents[1], folder)
    return folder
