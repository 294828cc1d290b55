"""What the package needs to run: its requirements with their reasons, the pinned versions, and what needs what."""

import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent


def reasons(pyproject: str) -> dict[str, str]:
    """Each required package of pyproject.toml and the comment behind it.

    >>> reasons('dependencies = [\\n    "torch>=2.8",   # the networks\\n    "numpy>=1.26",\\n]\\n')
    {'torch': 'the networks', 'numpy': ''}
    """
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", pyproject, re.DOTALL | re.MULTILINE)[1]
    lines = re.findall(r'^\s*"([\w.-]+)[^"]*",?\s*(?:#\s*(.*))?$', listed, re.MULTILINE)
    return {canonicalize_name(name): reason for name, reason in lines}


def pinned(constraints: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The version of each package of constraints.txt that holds for `{"python_version": "3.11"}`."""
    lines = (line.partition("#")[0].strip() for line in constraints.splitlines())
    wanted = [Requirement(line) for line in lines if line]
    held = [r for r in wanted if r.marker is None or r.marker.evaluate(dict(environment))]
    return {canonicalize_name(r.name): next(iter(r.specifier)).version for r in held}


def needs(
    requires: list[str], environment: Mapping[str, str], extras: frozenset[str] = frozenset()
) -> dict[str, frozenset[str]]:
    """The packages, with their extras, that a list of requirements asks for in an environment."""
    found: dict[str, frozenset[str]] = {}
    for text in requires:
        wanted = Requirement(text)
        asked = [{**environment, "extra": extra} for extra in extras or ("",)]
        if wanted.marker is None or any(wanted.marker.evaluate(one) for one in asked):
            name = canonicalize_name(wanted.name)
            found[name] = found.get(name, frozenset()) | wanted.extras
    return found


def closure(
    requires: Callable[[str], list[str]], first: list[str], environment: Mapping[str, str], among: Container[str]
) -> set[str]:
    """All packages that a list of requirements brings.

    Args:
        requires: the requirements of a package, by its name.
        among: packages to follow; what is not in it, and what that brings, is left out.
    """
    found: dict[str, frozenset[str]] = {}
    waiting = list(needs(first, environment).items())
    while waiting:
        name, extras = waiting.pop()
        if name in among and not (name in found and extras <= found[name]):
            found[name] = found.get(name, frozenset()) | extras
            waiting += needs(requires(name), environment, found[name]).items()
    return set(found)
