"""Write the software bill of materials, `sbom.cdx.json` (CycloneDX), and the table of licences, LICENCES.md.

    python supply/sbom.py REPORT

REPORT is what `pip install --dry-run --report` says of the package in an empty environment, with constraints.txt:
what would be installed, from which archive (its SHA-256), and what each needs. `make sbom` does both.
"""

import json
import sys
from pathlib import Path
from typing import Any

from closure import HERE, REPOSITORY, closure, needs, pinned
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from licences import table
from packageurl import PackageURL
from packaging.utils import canonicalize_name

OWN = "patchseg"
# Whoever installs chooses a build of torch, so its archive, and the CUDA packages it brings, are not part of this.
CHOSEN = "torch"


def main(report: str) -> None:
    """Write both files from pip's report."""
    content = json.loads(Path(report).read_text())
    environment = content["environment"]
    held = pinned((REPOSITORY / "constraints.txt").read_text(), environment)
    items = {canonicalize_name(item["metadata"]["name"]): item for item in content["install"]}
    requires = {name: item["metadata"].get("requires_dist", []) for name, item in items.items()}
    brought = closure(requires.__getitem__, requires[OWN], environment, held)
    components = {name: _component(items[name]) for name in (OWN, *brought)}
    bom = Bom()
    root = bom.metadata.component = components.pop(OWN)
    bom.metadata.properties.add(Property(name="python", value=environment["python_version"]))
    bom.components.update(components.values())
    for name, component in {OWN: root, **components}.items():
        asked = needs(requires[name], environment)
        bom.register_dependency(component, [components[other] for other in asked if other in components])
    (REPOSITORY / "sbom.cdx.json").write_text(JsonV1Dot6(bom).output_as_string(indent=1) + "\n")
    (HERE / "LICENCES.md").write_text(table(json.loads((REPOSITORY / "sbom.cdx.json").read_text())))


def _component(item: dict[str, Any]) -> Component:
    metadata = item["metadata"]
    name, version = canonicalize_name(metadata["name"]), metadata["version"].partition("+")[0]
    sha256 = item["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256")
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION if name == OWN else ComponentType.LIBRARY,
        bom_ref=name,
        purl=None if name == OWN else PackageURL("pypi", None, name, version),
        licenses=[LicenseFactory().make_from_string(_licence(metadata))],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 and name != CHOSEN else None,
    )


def _licence(metadata: dict[str, Any]) -> str:
    """As the package states it: an SPDX expression, else its classifiers, else the first line of a text."""
    if metadata.get("license_expression"):
        return metadata["license_expression"]
    classifiers = [c.rpartition(" :: ")[2] for c in metadata.get("classifier", []) if c.startswith("License :: ")]
    stated = [c for c in classifiers if c != "OSI Approved"]
    text = (metadata.get("license") or "").strip().splitlines() or ["not stated"]
    return ", ".join(stated) or text[0]


if __name__ == "__main__":
    main(*sys.argv[1:])
