"""These tests talk to the real server, in an environment of its own: `make test-label` runs them.

MONAI Label needs pydicom 2, so it does not stand in the bundles' environment, and the default run leaves this
folder out.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

collect_ignore_glob = [] if find_spec("monailabel") else ["*"]
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The server that `make label` starts, on a folder of small phantoms, with copies of the bundles."""
    from running import start
    from studies import copy_bundles, write_studies

    folder = tmp_path_factory.mktemp("label")
    with start(write_studies(folder / "studies"), copy_bundles(folder / "bundles")) as running:
        yield running
