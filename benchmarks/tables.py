"""Numbers in READMEs and metadata come from results/*.json and from nowhere else.

    python benchmarks/tables.py            rewrite them
    python benchmarks/tables.py --check    exit 1 and name the files that differ

In a README a table stands between `<!-- results: NAME -->` and `<!-- end -->`, NAME being that of a results file,
or that with `_short`, `_own` or `_failures` behind it. Of results measured bundle by bundle a bundle's own README
shows its own. In a bundle's metadata.json they are `eval_metrics`.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import fire
from table_rows import MISSING, TABLES, eval_metrics

from patchseg.errors import InputError, show_as_sentence
from patchseg.files import whole_file

REPOSITORY = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"<!-- results: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
FORMS = re.compile(r"_(short|own|failures)$")  # other tables of the same results
MEASURED = {  # what each bundle's eval_metrics hold
    "crossover_kidney": ["kidney_phantom", "kidney_real", "shipped"],
    "crossover_cardiac": ["shipped"],
    "crossover_myocardium": ["shipped"],
    "seqpatch_prostate": ["one_click"],
    "seqpatch_kidney": ["one_click_kidney"],
}


def main(check: bool = False, root: str = str(REPOSITORY)) -> None:
    """Bring READMEs and metadata up to the results, or say which are not.

    Args:
        check: change nothing, exit 1 when something differs.
        root: the repository.
    """
    folder = Path(root)
    texts = (folder / "README.md", folder / "results" / "REPRODUCE.md", *folder.glob("bundles/*/docs/README.md"))
    new = {path: _readme(path, folder) for path in texts}
    for bundle, names in MEASURED.items():
        path = folder / "bundles" / bundle / "configs" / "metadata.json"
        new[path] = _metadata(path, {name: _own(_results(folder, name), bundle) for name in names})
    stale = [path for path, text in new.items() if text is not None and text != path.read_text(encoding="utf-8")]
    for path in stale:
        shown = path.relative_to(folder)
        if check:
            print(f"{shown} differs from results/: run python benchmarks/tables.py", file=sys.stderr)
            continue
        with whole_file(path) as temporary:
            temporary.write_text(new[path], encoding="utf-8")
        print(shown)
    if check and stale:
        sys.exit(1)


def _results(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def _own(results: dict[str, Any] | None, bundle: str) -> dict[str, Any] | None:
    """Of results measured bundle by bundle those of one."""
    if not results or "measured" not in results:
        return results
    return results | {"measured": [one for one in results["measured"] if one["bundle"] == bundle]}


def _readme(path: Path, folder: Path) -> str | None:
    """The text as it should be; None where there is no such README."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    if text.count("<!-- results:") != len(BLOCK.findall(text)):
        raise InputError(f"{path} has a results block that is not closed: end it with a line <!-- end -->.")

    def block(match: re.Match[str]) -> str:
        name = match[1]
        if name not in TABLES:
            raise InputError(f"{path} asks for results {name}: choose one of {', '.join(TABLES)}.")
        results = _results(folder, FORMS.sub("", name))
        if path.parent.name == "docs":
            results = _own(results, path.parents[1].name)
        table = MISSING if results is None else TABLES[name](results)
        return f"<!-- results: {name} -->\n{table}\n<!-- end -->"

    return BLOCK.sub(block, text)


def _metadata(path: Path, results: dict[str, dict[str, Any] | None]) -> str | None:
    """The text as it should be, untouched in its layout when its numbers are right."""
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    metadata = json.loads(text)
    wanted = eval_metrics({name: found for name, found in results.items() if found is not None})
    if metadata.get("eval_metrics", {}) == wanted:
        return text
    return json.dumps(metadata | {"eval_metrics": wanted}, indent=4, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    show_as_sentence()
    fire.Fire(main)
