"""A bundle's configs, rewritten so that they find and use the code that lies in the bundle itself."""

import re
from collections.abc import Mapping
from typing import Any

from .vendor import PACKAGE

# MONAI's parser does not know where its file lies, and monai.bundle.load puts no folder on sys.path. So a packed
# bundle looks for itself: in the workflow that runs it, on the command line, on sys.path (where MONAI Label and
# MONAI Deploy put it, and where the working directory is).
IMPORTS = (
    "$import inspect",
    "$import sys",
    "$from importlib import import_module as load_code",
    "$from pathlib import Path",
    "$from monai.bundle import ConfigWorkflow",
)
PLACES = (
    "$[w.config_root_path.parent for w in (f.frame.f_locals.get('self') for f in inspect.stack(0)) "
    "if isinstance(w, ConfigWorkflow)]",
    "$[Path(a.partition('=')[2] or a).absolute().parent.parent for a in sys.argv if a.endswith('.json')]",
    "$[Path(p).absolute() for p in sys.path]",
)


def self_contained(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A config whose code is package `name`, found beside configs/ in the bundle.

    The package is not imported by an import statement, since MONAI evaluates those before anything else, sys.path
    being still without it, but by the item `code`: `patchseg.weights.load_weights(...)` becomes
    `@code.weights.load_weights(...)`, and the target `patchseg.data.LoadScand` becomes `$@code.data.LoadScand`.
    (An expression with the word import in it MONAI takes for a statement, hence `load_code`.)

    >>> config = {"imports": ["$import patchseg"], "network": {"_target_": "patchseg.crossover.CrossoverNet"}}
    >>> packed = self_contained(config, "patchseg_kidney_1")
    >>> packed["network"]["_target_"], packed["code"]
    ('$@code.crossover.CrossoverNet', "$sys.path.append(@bundle_root) or load_code('patchseg_kidney_1')")
    """
    rewritten = _rewritten(config)
    if "imports" not in config:  # an overlay, such as multi_gpu_train.json
        return rewritten
    taken = {"places", "code"} & config.keys()
    if taken:
        raise RuntimeError(f"a packed config needs the keys {sorted(taken)} for itself: rename them")
    others = [line for line in config["imports"] if line not in (f"$import {PACKAGE}", *IMPORTS)]
    first = {
        "imports": [*IMPORTS, *others],
        "places": list(PLACES),
        "bundle_root": f"$str(next((p for p in sum(@places, []) if (p / '{name}').is_dir()), Path.cwd()))",
        "code": f"$sys.path.append(@bundle_root) or load_code('{name}')",
    }
    return first | {key: value for key, value in rewritten.items() if key not in first}


def _rewritten(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _target(v) if key == "_target_" else _rewritten(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_rewritten(v) for v in value]
    return re.sub(rf"\b{PACKAGE}(?=\.)", "@code", value) if isinstance(value, str) else value


def _target(name: str) -> str:
    return f"$@code{name.removeprefix(PACKAGE)}" if name.startswith(f"{PACKAGE}.") else name
