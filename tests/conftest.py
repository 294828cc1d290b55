import os
from pathlib import Path

import pytest


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
