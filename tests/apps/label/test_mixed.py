"""Some of what `make faults-label` asks five hundred times."""

import pytest
from mixed import run_mixed, write_small_studies
from running import start
from studies import copy_bundles


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    with start(write_small_studies(folder / "studies"), copy_bundles(folder / "bundles")) as running:
        yield running


def test_eight_clients_get_what_one_gets(small, tmp_path):
    found = run_mixed(small, count=48, seed=1, folder=tmp_path)
    assert found["wrong"] == []
    assert set(found["by_kind"]) == {"automatic", "click", "bad", "next sample", "info"}
    assert "Traceback" not in small.log.read_text()
