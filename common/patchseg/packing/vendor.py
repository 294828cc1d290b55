"""The package's own code under another name, to be carried inside a bundle."""

import ast
import re
from hashlib import sha256
from pathlib import Path

PACKAGE = __name__.partition(".")[0]
SOURCE = Path(__file__).resolve().parents[1]
# Tools for the collection of bundles; no bundle's config names them.
LEFT_OUT = {
    "__main__.py",
    "bundles.py",
    "cli.py",
    "export",
    "packing",
    "report.py",
    "shipped",
    "templates",
    "timed.py",
}
NAMED = re.compile(rf'\b{PACKAGE}(?=\.[a-z])|(?<=import ){PACKAGE}\b|(?<="){PACKAGE}(?=")')


def vendored_name(bundle: str, version: str) -> str:
    """A package name that no other bundle has, nor another version of this one, nor one with other code.

    Python keeps one package per name in a process: what shares a name shares the code of whoever came first.

    >>> vendored_name("crossover_kidney", "0.1.0")[:-8]  # and eight digits of the code's SHA-256
    'patchseg_crossover_kidney_0_1_0_'
    """
    code = sha256(b"".join(name.encode() + content for name, content in sorted(_sources().items())))
    return re.sub(r"\W", "_", f"{PACKAGE}_{bundle}_{version}_{code.hexdigest()[:8]}")


def vendored(name: str) -> dict[str, bytes]:
    """The package's files, by their path, as package `name`: each import of the package imports `name` instead."""
    return {f"{name}/{path}": _renamed(content, name, path) for path, content in _sources().items()}


def _sources() -> dict[str, bytes]:
    files = (path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
    return {path.as_posix(): (SOURCE / path).read_bytes() for path in files if path.parts[0] not in LEFT_OUT}


def _renamed(content: bytes, name: str, path: str) -> bytes:
    code = NAMED.sub(name, content.decode())
    if PACKAGE in _names(ast.parse(code)):
        raise RuntimeError(f"{path} names {PACKAGE} in a way that packing does not rewrite")
    return code.encode()


def _names(code: ast.AST) -> set[str]:
    """What a module imports and what it names, the part before the first dot."""
    found = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
    found |= {alias.name for node in ast.walk(code) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in ast.walk(code) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in found}
