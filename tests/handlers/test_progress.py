import io
import re
import sys
from pathlib import Path

import pytest

from patchseg.handlers import CaseMeasures, Progress

sys.path.insert(0, str(Path(__file__).parent))
from engines import evaluator, item, trainer


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_file_gets_few_plain_lines(capsys):
    items = [item(str(n), empty=n % 2) for n in range(20)]
    trainer(items, [Progress(description="training")], epochs=3).run()
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert "\r" not in text and 1 <= len(lines) <= 3
    assert "60/60" in lines[-1] and "loss=" in lines[-1] and lines[-1].startswith("training")


def test_a_terminal_sees_the_whole_run_and_the_time_left(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("tqdm.std.TMonitor", None, raising=False)
    trainer([item(str(n)) for n in range(40)], [Progress()], epochs=4).run()
    text = terminal.getvalue()
    assert "/160 [" in text and "160/160" in text and "/40 [" not in text
    assert re.search(r"\d\d:\d\d<\d\d:\d\d", text)


def test_an_evaluator_inside_training_counts_its_own_cases(capsys):
    engine = evaluator([item("a"), item("b")], [CaseMeasures(), Progress()])
    engine.run(7)
    engine.run(8)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "2/2" in last


@pytest.mark.parametrize("total, shown", [(None, "8/8"), (10, "8/10")])
def test_total_can_be_given(capsys, total, shown):
    trainer([item(str(n)) for n in range(4)], [Progress(total)], epochs=2).run()
    assert shown in capsys.readouterr().err.splitlines()[-1]
