"""The fuzz run counts what it did, finds nothing, and can repeat each try."""

import json
import struct

import faults
import pytest
import robustness
import table_robustness

from patchseg.errors import InputError
from patchseg.scans import scan_reader


def test_a_short_run(tmp_path, capsys):
    path = tmp_path / "results" / "robustness.json"
    robustness.main(seconds=4, seed=5, out=str(path))
    assert capsys.readouterr().out.startswith("seed 5\n")
    found = json.loads(path.read_text())
    fuzz = found["fuzz"]
    assert fuzz["tries"] == fuzz["answered"] + fuzz["refused"] > 0
    assert fuzz["failed"] == 0 and fuzz["failures"] == []
    assert found["bad_inputs"]["total"] >= 120 and found["geometry"]["whole_product"] == 48 * 3 * 4


@pytest.mark.parametrize("form", robustness.FORMS)
def test_a_try_can_be_repeated(tmp_path, form):
    number = next(n for n in range(99) if robustness._form(n, 5) == form)
    records = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        record = robustness._try(number, 5, tmp_path / name, robustness._good_files(tmp_path / name))
        records.append({k: str(v).replace(str(tmp_path / name), "") for k, v in record.items()})
    assert records[0] == records[1] and records[0]["form"] == form


def test_what_it_once_found(tmp_path):
    """A damaged number of samples per pixel, on which GDCM fails while it lists the series."""
    series = robustness._good_files(tmp_path)["dicom"]
    damaged = sorted(series.iterdir())[1]
    samples = struct.pack("<HHL", 0x28, 2, 2)  # tag and length
    damaged.write_bytes(damaged.read_bytes().replace(samples + b"\1\0", samples + b"\0\0"))
    with pytest.raises(InputError, match="a DICOM file that cannot be read"):
        scan_reader(series)


def test_faults_are_counted_beside_the_rest(tmp_path, monkeypatch, capsys):
    records = [{"kill": 0, "wrong": []}, {"kill": 1, "wrong": ["last.pt: cut"]}]
    monkeypatch.setattr(faults, "CHECKS", {"kill_masks": lambda folder, kills, seed: iter(records[:kills])})
    path = tmp_path / "robustness.json"
    path.write_text('{"fuzz": 1, "faults": {"kill_rank": 2}}')
    for kills, code in ((1, 0), (2, 1)):
        with pytest.raises(SystemExit) as stopped:
            faults.main(kills=kills, seed=3, out=str(path))
        assert stopped.value.code == code
    found = json.loads(path.read_text())
    assert found["fuzz"] == 1 and found["faults"]["kill_rank"] == 2
    assert found["faults"]["kill_masks"] == {"tried": 2, "failed": 1, "seed": 3, "failures": records[1:]}
    assert capsys.readouterr().out.startswith("seed 3\n")


def test_rows_of_faults():
    entry = {"tried": 20, "failed": 0, "seed": 3}
    well = table_robustness._fault("kill_masks", entry)
    assert well[1:] == ("20 kills", "each mask there whole or not at all")
    assert table_robustness._fault("kill_masks", entry | {"failed": 2})[2] == "2 of 20 failed"
