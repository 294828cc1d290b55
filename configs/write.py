"""Writes the configs of every bundle: each complete in itself, none written by hand.

    python configs/write.py

MONAI Label and `monai.bundle` read one file at a time, so the configs of a bundle, and of bundles of one family,
repeat each other. Here they are put together from parts. `<family>.<config>.json` holds what the bundles of a
family share, and `shared.json` what several of these files share, named as MONAI names it,
`"%shared.json::trainer"`. `<bundle>.json` holds what a bundle adds, in sections that name the configs they are for
("train evaluate"). A section is laid over the family's config as MONAI lays one config file over another: `key`
and `key#key#0` replace, `+key` adds to a list or a dictionary. Beyond MONAI:

- keys that the family's config does not know are settings of the bundle, and go where it says `"own"`;
- `<bundle>` is the bundle's name;
- `"like": "another"` takes the sections of another bundle first: the same with other defaults;
- an item of a list that is null is left out: a place that only some bundles fill.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.utils import merge_kv

HERE = Path(__file__).resolve().parent
BUNDLES = HERE.parent / "bundles"
CONFIGS = ("train", "evaluate", "inference", "multi_gpu_train")
WIDTH = 100  # of a list on one line


def main() -> None:
    """Write the configs of all bundles."""
    for bundle in names():
        folder = BUNDLES / bundle / "configs"
        folder.mkdir(parents=True, exist_ok=True)
        for config in CONFIGS:
            (folder / f"{config}.json").write_text(generated(bundle, config))
        shutil.copyfile(HERE / "logging.conf", folder / "logging.conf")


def names() -> list[str]:
    """The bundles whose configs are written here."""
    return sorted(path.stem for path in HERE.glob("*_*.json") if "." not in path.stem)


def generated(bundle: str, config: str) -> str:
    """The text of one config file of a bundle."""
    family = bundle.partition("_")[0]
    text = (HERE / f"{family}.{config}.json").read_text().replace("<bundle>", bundle)
    # not by MONAI's own resolving, which rewrites every "@a#b" as "@a::b"
    shared = json.loads((HERE / "shared.json").read_text())
    text = re.sub(r'"%shared\.json::(\w+)"', lambda part: json.dumps(shared[part[1]]), text)
    parser = ConfigParser(json.loads(text))
    own: dict[str, Any] = {}
    for section in _sections(bundle, config):
        for key, value in section.items():
            if "#" in key or key.lstrip("+") in parser:
                merge_kv(parser, key, value)
            else:
                own[key] = value
    placed: dict[str, Any] = {}
    for key, value in parser.get().items():
        placed |= own if key == "own" else {key: value}
    return formatted(_filled(placed)) + "\n"


def _sections(bundle: str, config: str) -> list[dict[str, Any]]:
    """What a bundle adds to one config, after what the bundle that it is like adds."""
    source = json.loads((HERE / f"{bundle}.json").read_text())
    like = source.pop("like", None)
    own = [section for configs, section in source.items() if config in configs.split()]
    return (_sections(like, config) if like else []) + own


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _filled(v) for key, v in value.items()}
    return [_filled(v) for v in value if v is not None] if isinstance(value, list) else value


def formatted(value: Any, indent: int = 0) -> str:
    """JSON with an indent of 4, and short lists of plain values on one line.

    >>> print(formatted({"spacing": 2.5, "canvas": [136, 168]}))
    {
        "spacing": 2.5,
        "canvas": [136, 168]
    }
    """
    line = json.dumps(value, ensure_ascii=False)
    plain = not any(isinstance(v, dict | list) for v in value) if isinstance(value, list) else not value
    if not isinstance(value, dict | list) or not value or (plain and len(line) + indent < WIDTH):
        return line
    inner = " " * (indent + 4)
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {formatted(v, indent + 4)}" for key, v in value.items()]
    else:
        items = [f"{inner}{formatted(v, indent + 4)}" for v in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(items) + f"\n{' ' * indent}{closing}"


if __name__ == "__main__":
    main()
