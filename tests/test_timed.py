"""Seconds of each stage, kept between runs; a failure leaves them alone."""

import json
import sys

from patchseg.timed import timed


def test_stages_add_up_and_failures_do_not_count(tmp_path):
    path = tmp_path / "run" / "timings.json"
    assert timed(path, "sleeping", [sys.executable, "-c", "import time; time.sleep(0.3)"]) == 0
    assert timed(path, "nothing", [sys.executable, "-c", "pass"]) == 0
    assert timed(path, "failing", [sys.executable, "-c", "raise SystemExit(3)"]) == 3
    stages = json.loads(path.read_text())
    assert set(stages) == {"sleeping", "nothing"}
    assert 0.3 <= stages["sleeping"] < 20
