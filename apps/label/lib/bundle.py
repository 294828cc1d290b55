"""What Label wants to know of a bundle and its configs do not say in Label's words."""

import json
from pathlib import Path

from monailabel.interfaces.tasks.infer_v2 import InferType

from patchseg.bundles import bundle_names, bundle_root
from patchseg.errors import InputError

# Slicer offers deepgrow models under SmartEdit, OHIF under Point Prompts; segmentation under Auto Segmentation
TYPES = {"automatic": InferType.SEGMENTATION, "click": InferType.DEEPGROW}


def label_type(bundle: str | Path) -> str:
    """Label's type of a bundle, from `interaction` in its metadata: "automatic" (the default) or "click".

    Raises:
        InputError: another word.
    """
    path = Path(bundle) / "configs" / "metadata.json"
    interaction = json.loads(path.read_text(encoding="utf-8")).get("interaction", "automatic")
    if interaction not in TYPES:
        raise InputError(f'{path} has the interaction "{interaction}": write one of {", ".join(TYPES)}.')
    return str(TYPES[interaction].value)


def served_and_untrained() -> tuple[dict[str, Path], list[str]]:
    """The folders of the bundles that have weights, by name, and the names of those that need training first."""
    roots = {name: bundle_root(name) for name in bundle_names()}
    trained = {name: root for name, root in roots.items() if (root / "models" / "model.pt").is_file()}
    return trained, [name for name in roots if name not in trained]


def newest_weights(trained: Path) -> Path | None:
    """model.pt of the training in `trained` (a folder of trainings) that ended last; None if none has ended."""
    return max(trained.glob("*/model.pt"), key=lambda path: path.stat().st_mtime_ns, default=None)
