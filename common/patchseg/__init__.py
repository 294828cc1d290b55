"""Patch-wise segmentation as MONAI bundles: Crossover-Net and sequential patches."""

import importlib
import pkgutil
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """Import a submodule when it is first named: a bundle's ``$import patchseg`` reaches all of them."""
    if name not in {module.name for module in pkgutil.iter_modules(__path__)}:
        raise AttributeError(f"module 'patchseg' has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
