"""Five hundred requests of eight clients to the real MONAI Label server, bad ones among them.

    .venv-label/bin/python benchmarks/faults_label.py [--requests 500] [--seed 0] [--out results/robustness.json]

Runs in Label's environment (make faults-label). tests/apps/label/mixed.py holds the requests.
"""

import json
import sys
import tempfile
from pathlib import Path

import fire
from faults import ROOT, note

sys.path.insert(0, str(ROOT / "tests" / "apps" / "label"))


def main(requests: int = 500, seed: int = 0, out: str | None = None) -> None:
    """Ask, compare with what a single client got, and write the counts into the JSON file.

    Args:
        requests: how many, those of the single client not included.
        seed: of their order; printed, and written with the counts.
        out: the JSON file; results/robustness.json by default.
    """
    from mixed import run_mixed, write_small_studies
    from running import start
    from studies import copy_bundles

    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        studies = write_small_studies(folder / "studies")
        with start(studies, copy_bundles(folder / "bundles"), TMPDIR=name) as server:
            found = run_mixed(server, requests, seed, folder)
    print(json.dumps(found, indent=1))
    failures = found.pop("wrong")
    entry = {"tried": found.pop("requests"), "failed": len(failures), "seed": seed, **found, "failures": failures}
    note(Path(out) if out else ROOT / "results" / "robustness.json", "label_server", entry)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    fire.Fire(main)
