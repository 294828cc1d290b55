"""What is said of the packages this one needs, held against what is pinned and installed."""

import json
import re
import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "supply"))
from closure import closure, pinned, reasons
from licences import licence, table

REPOSITORY = Path(__file__).resolve().parents[2]
SBOM = json.loads((REPOSITORY / "sbom.cdx.json").read_text())
PYTHON = next(p["value"] for p in SBOM["metadata"]["properties"] if p["name"] == "python")
ENVIRONMENT = {"python_version": PYTHON, "python_full_version": f"{PYTHON}.0"}
COMPONENTS = {component["name"]: component for component in SBOM["components"]}
PYPROJECT = (REPOSITORY / "pyproject.toml").read_text()
# MPL-2.0 binds tqdm's own files where they are changed and given on; nothing that uses them.
WEAK_COPYLEFT = {"tqdm"}
FREE = re.compile(
    r"\b(Apache|MIT|BSD|ISC|PSF|Python Software Foundation|HPND|MPL|Mozilla|Unlicense|CMU|Zlib|0BSD)", re.I
)


def required() -> list[str]:
    """The requirements of the package itself, without those of its extras."""
    return [text for text in requires("patchseg") if "extra ==" not in text]


def test_the_bill_names_the_pinned_versions():
    held = pinned((REPOSITORY / "constraints.txt").read_text(), ENVIRONMENT)
    assert {name: component["version"] for name, component in COMPONENTS.items()} == {
        name: held[name] for name in COMPONENTS
    }


def test_the_bill_names_all_that_the_package_needs_and_nothing_else():
    held = pinned((REPOSITORY / "constraints.txt").read_text(), ENVIRONMENT)
    # what is not pinned comes with a build of torch
    assert set(COMPONENTS) == closure(lambda name: requires(name) or [], required(), ENVIRONMENT, held)


def test_each_archive_has_its_hash():
    without = {name for name, component in COMPONENTS.items() if not component.get("hashes")}
    assert without == {"torch"}, "whoever installs chooses a build"


def test_no_place_is_named():
    text = (REPOSITORY / "sbom.cdx.json").read_text() + (REPOSITORY / "supply" / "LICENCES.md").read_text()
    assert set(re.findall(r"\w+://([\w.-]+)", text)) <= {"cyclonedx.org"}
    assert not re.search(r"(?<![\w.])/(home|work|tmp|root|opt|usr)/", text)


def test_the_table_of_licences_is_that_of_the_bill():
    assert (REPOSITORY / "supply" / "LICENCES.md").read_text() == table(SBOM)


def test_every_licence_is_known_and_none_asks_for_more_than_its_notice_unnoticed():
    named = {name: licence(component) for name, component in COMPONENTS.items()}
    assert {name: text for name, text in named.items() if not FREE.search(text)} == {}
    assert {
        name for name, text in named.items() if re.search(r"GPL|GNU|MPL|Mozilla|EUPL|CDDL|EPL", text)
    } == WEAK_COPYLEFT


def test_every_requirement_has_its_reason():
    why = reasons(PYPROJECT)
    assert set(why) == {canonicalize_name(Requirement(text).name) for text in required()}
    assert [name for name, reason in why.items() if not reason] == []


def test_the_oldest_versions_are_the_lower_bounds():
    oldest = pinned((REPOSITORY / "constraints-oldest.txt").read_text(), ENVIRONMENT)
    bounds = {}
    for text in requires("patchseg"):
        wanted = Requirement(text)
        if "dev" in str(wanted.marker):
            continue
        (bound,) = (part.version for part in wanted.specifier if part.operator == ">=")
        bounds[canonicalize_name(wanted.name)] = bound
    assert {name: padded(v) for name, v in oldest.items()} == {name: padded(v) for name, v in bounds.items()}


def padded(version: str) -> list[int]:
    return ([int(part) for part in version.split(".")] + [0, 0])[:3]
