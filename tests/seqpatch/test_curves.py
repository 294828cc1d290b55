import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from patchseg.errors import InputError
from patchseg.seqpatch.curves import COLOURS, correction_curves, offset_curves


@pytest.fixture
def lines(monkeypatch):
    """(axis, name) -> points of every line that is drawn."""
    found, save = {}, Figure.savefig

    def spy(figure, *given, **more):
        for number, axis in enumerate(figure.axes):
            found.update({(number, line.get_label()): line.get_xydata().tolist() for line in axis.get_lines()})
        return save(figure, *given, **more)

    monkeypatch.setattr(Figure, "savefig", spy)
    return found


def test_offsets_in_order_with_their_means(tmp_path, lines):
    given = {"ours": {10: [0.6, 0.8], 0: [0.9, 1.0]}, "unet": {0: [0.5], 10: [0.1]}}
    path = offset_curves(given, tmp_path / "new" / "offset.png")
    assert np.allclose(lines[0, "ours"], [[0, 0.95], [10, 0.7]])
    assert np.allclose(lines[0, "unet"], [[0, 0.5], [10, 0.1]])
    assert "offset" in Image.open(path).info["Title"]


def test_a_case_that_is_done_keeps_its_dice_but_takes_no_more_time(tmp_path, lines):
    correction_curves({"ours": [[0.5, 0.7, 0.9], [1.0]]}, {"ours": [[2.0, 1.0, 3.0], [4.0]]}, tmp_path / "c.png")
    assert np.allclose(lines[0, "ours"], [[1, 0.75], [2, 0.85], [3, 0.95]])
    assert np.allclose(lines[1, "ours"], [[1, 3.0], [2, 1.0], [3, 3.0]])


def test_many_methods_and_none(tmp_path, lines):
    offset_curves({f"m{n}": {0: [0.5]} for n in range(len(COLOURS) + 1)}, tmp_path / "many.png")
    assert len(lines) == len(COLOURS) + 1
    for nothing in ({}, {"ours": {}}):
        with pytest.raises(InputError, match="empty picture"):
            offset_curves(nothing, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
