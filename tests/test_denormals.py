"""Surface distances beside networks that flush denormals."""

import subprocess
import sys
from pathlib import Path

import torch

from patchseg import denormals
from patchseg.denormals import denormals_kept, flushed

MEASURED = """
import torch
from patchseg.metrics import case_measures
from patchseg.metrics_prostate import promise12_measures
torch.set_flush_denormal(True)
label, pred = torch.zeros(1, 60, 60, 19), torch.zeros(1, 60, 60, 19)
label[0, 10:40, 10:40, 3:13] = 1
pred[0, 20:40, 15:40] = 1
for spacing in (0.5, 1.25, 2.999767):
    promise12_measures(pred, label, torch.diag(torch.tensor([spacing, -spacing, 3.0, 1.0])))
    case_measures(pred, label, (spacing, spacing, 3.0))
"""


def test_flushing_is_seen_switched_off_and_restored() -> None:
    for before in (True, False):
        torch.set_flush_denormal(before)
        assert flushed() == before
        with denormals_kept():
            assert not flushed()
        assert flushed() == before


def test_distances_of_masks_at_the_border_do_not_end_the_process() -> None:
    assert subprocess.run([sys.executable, "-c", MEASURED]).returncode == 0


def test_flushing_is_seen_by_a_module_read_while_it_is_on() -> None:
    torch.set_flush_denormal(True)
    try:
        read: dict = {}
        exec(compile(Path(denormals.__file__).read_text(), "read", "exec"), read)
        assert read["flushed"]()
    finally:
        torch.set_flush_denormal(False)
    assert not read["flushed"]()
