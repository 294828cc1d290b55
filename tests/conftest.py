import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

# What these folders' tests share takes long to make: a training, every bundle packed or exported.
MADE_ONCE = ("bundles/seqpatch_prostate", "bundles", "export", "packing")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several processes (`-n 2 --dist loadgroup`) one gets a file, or a folder that makes something once."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        tests = Path(__file__).parent
        folder = item.path.parent.relative_to(tests).as_posix() if item.path.is_relative_to(tests) else ""
        item.add_marker(pytest.mark.xdist_group(folder if folder in MADE_ONCE else str(item.path)))


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """What a test flushes stays flushed in the whole process, and hypothesis and scipy's KDTree fail on it."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cases, from PATCHSEG_DATA: unset skips the test, a folder that is not there fails it."""
    named = os.environ.get("PATCHSEG_DATA")
    if not named:
        pytest.skip("PATCHSEG_DATA is not set")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"PATCHSEG_DATA is {folder}, which is no folder")
    return folder
