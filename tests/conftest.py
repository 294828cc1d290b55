import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


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
