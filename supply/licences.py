"""The table of licences, from the bill of materials."""

from typing import Any

from closure import REPOSITORY, reasons

HEAD = """# Licences of what patchseg needs

Written by `make sbom` from `sbom.cdx.json`: what `pip install patchseg` installs with constraints.txt on Python
{python}, each with the licence that the package states. torch comes in the build you choose; a CUDA build brings
NVIDIA's own libraries, under NVIDIA's terms. The weights' licences: LICENSE.txt in each bundle's models/.

| package | version | licence | what for |
| --- | --- | --- | --- |
"""


def licence(component: dict[str, Any]) -> str:
    """The licence of a component of the bill of materials, in words or SPDX."""
    (stated,) = component["licenses"]
    return stated.get("expression") or stated["license"].get("id") or stated["license"]["name"]


def table(sbom: dict[str, Any]) -> str:
    """The packages that are required, each with its reason, then those that these need."""
    why = reasons((REPOSITORY / "pyproject.toml").read_text())
    askers: dict[str, list[str]] = {}
    for entry in sbom["dependencies"]:
        for other in entry.get("dependsOn", []):
            askers.setdefault(other, []).append(entry["ref"])
    (python,) = (p["value"] for p in sbom["metadata"]["properties"] if p["name"] == "python")
    rows = []
    for component in sorted(sbom["components"], key=lambda c: (c["name"] not in why, c["name"])):
        name = component["name"]
        reason = why[name] if name in why else f"needed by {', '.join(sorted(askers[name]))}"
        rows.append(f"| {name} | {component['version']} | {licence(component)} | {reason} |\n")
    return HEAD.format(python=python) + "".join(rows)
