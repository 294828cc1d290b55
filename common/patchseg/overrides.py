"""What is typed behind a config, held against the config: MONAI takes any key and any value without a word."""

import ast
import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from patchseg.errors import InputError

# what `monai.bundle run` itself takes, and its tracking
OWN = ("run_id", "init_id", "final_id", "config_file", "meta_file", "logging_file", "args_file", "tracking")
OWN += ("tracking_uri", "experiment_name", "run_name", "save_execute_config", "is_not_rank0")
BOUNDS = {
    **dict.fromkeys(
        ("max_epochs", "val_interval", "batch_size", "slices_per_case", "rays", "steps"), (1, math.inf)
    ),
    **dict.fromkeys(
        ("num_workers", "learning_rate", "weight_decay", "constraint_weight", "dice_weight"), (0, math.inf)
    ),
    **dict.fromkeys(("tumour_share", "dropout", "cache_rate"), (0, 1)),
}


def check_overrides(arguments: Sequence[str]) -> None:
    """Refuse settings that the configs do not have, and text or numbers that cannot be theirs.

    Args:
        arguments: those of the process, `[..., "run", "--config_file", F, "--key", "value", ...]`. Of any other
            program nothing is checked.

    Raises:
        InputError: a key that no config has (with the one that was probably meant), text for a number, a list
            or True and False, a number outside of what makes sense.
    """
    files = config_files(arguments) if "run" in arguments[1:2] else []
    if not files:
        return
    from monai.bundle import ConfigParser  # late: it takes seconds, and `config_files` should not

    config, name = ConfigParser.load_config_files(files), " and ".join(Path(file).name for file in files)
    for key, text in _typed(arguments[2:]):
        if key not in OWN:
            _check_value(key, text, _find(config, key, name), name)


def _typed(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys and values as fire reads them.

    >>> list(_typed(["training", "--seed", "-1", "--a#b=2", "--show"]))
    [('seed', '-1'), ('a#b', '2'), ('show', 'True')]
    """
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        if argument.startswith("--") and len(argument) > 2:
            key, equals, value = argument.lstrip("-").partition("=")
            flag_follows = re.match(r"--|-[a-zA-Z]", following)
            yield key.replace("-", "_"), value if equals else "True" if flag_follows else following


def _find(config: Any, key: str, name: str) -> Any:
    """What the configs hold under a key such as "train#trainer#max_epochs"; None for a new argument of a class."""
    *parents, last = re.split("#|::", key)
    node = config
    for part in parents:
        node = _child(node, part)
    found = _child(node, last)
    if found is None and not (isinstance(node, dict) and ("_target_" in node or last in node)):
        near = get_close_matches(
            last, [k for k in node if isinstance(k, str)] if isinstance(node, dict) else [], 1
        )
        raise InputError(
            f"{name} has no {key}: " + (f"did you mean {near[0]}?" if near else "give a setting that it has.")
        )
    return found


def _child(node: Any, part: str) -> Any:
    if isinstance(node, list):
        return node[int(part)] if part.isdigit() and int(part) < len(node) else None
    return node.get(part) if isinstance(node, dict) else None


def _check_value(key: str, text: str, default: Any, name: str) -> None:
    from fire.parser import DefaultParseValue  # late: whoever gets here was started by fire

    value = DefaultParseValue(text)
    if isinstance(value, str) and value[:1] in ("$", "@", "%"):
        return
    if isinstance(default, bool) and not isinstance(value, bool | int):
        # monai.bundle would take "false" as the text it is, which counts as true
        raise InputError(f"{key} is {text!r}; {name} has {default} there: give True or False.")
    number = isinstance(default, int | float) and not isinstance(default, bool)
    if isinstance(value, str) and (number or isinstance(default, list)):
        kind = "number" if number else "list"
        raise InputError(f"{key} is {text!r}; {name} has {default} there: give a {kind}.")
    low, high = BOUNDS.get(re.split("#|::", key)[-1], (-math.inf, math.inf))
    if isinstance(value, int | float) and number and not low <= value <= high:
        limits = f"{low} or more" if high == math.inf else f"{low} to {high}"
        raise InputError(f"{key} is {text}; {name} has {default} there: give {limits}.")


def config_files(arguments: Sequence[str]) -> list[str]:
    """The files after --config_file, as monai.bundle takes them: `F`, `=F`, `"['F', 'G']"` or `F,G`.

    >>> config_files(["run", "--config_file", "['a/train.json','a/multi_gpu_train.json']"])
    ['a/train.json', 'a/multi_gpu_train.json']
    >>> config_files(["run", "evaluate", "--config_file=a/evaluate.json"])
    ['a/evaluate.json']
    """
    for position, argument in enumerate(arguments):
        key, equals, value = argument.partition("=")
        if key.lstrip("-").replace("-", "_") == "config_file" and key.startswith("--"):
            value = value if equals else next(iter(arguments[position + 1 :]), "")
            try:
                files = ast.literal_eval(value)
            except (ValueError, SyntaxError):
                files = value.split(",")
            return [str(file) for file in (files if isinstance(files, list | tuple) else [files])]
    return []
