"""Cases shared out: every one once, whoever asks."""

import pytest

from patchseg.distributed import device, is_first, share
from patchseg.errors import InputError


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_every_case_has_one_process(monkeypatch, processes):
    cases = list(range(7))
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    shares = []
    for rank in range(processes):
        monkeypatch.setenv("RANK", str(rank))
        shares.append(share(cases))
        assert is_first() == (rank == 0)
    assert sorted(case for part in shares for case in part) == cases
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_processes_than_cases(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(InputError, match="2 cases for 3 processes"):
        share([1, 2])


def test_device_is_one_torch_can_use():
    assert device().type in ("cpu", "cuda")
