"""Silence for the libraries, before they are imported."""

import logging
import os
import warnings


def quiet() -> None:
    """Leave out what the SDK and its libraries say about themselves: a page around every sentence for the user."""
    os.environ.setdefault("HOLOSCAN_LOG_LEVEL", "OFF")
    logging.basicConfig(level=logging.ERROR)
    warnings.filterwarnings("ignore", module="holoscan|highdicom|monai|pydicom|torch")
