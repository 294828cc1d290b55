"""The limit's two halves: operations counted by hand, and a rate that follows from the clock."""

import limit
import pytest
import torch

from patchseg.crossover import CrossoverNet
from patchseg.crossover.stacks import STACKS, map_sizes, parse_stack


def test_operations_of_a_patch_pair_are_those_of_its_layers():
    convs, before, wanted = parse_stack(STACKS[100, 20]), 1, 0
    for conv, (rows, cols) in zip(convs, map_sizes(convs, (100, 20)), strict=True):
        wanted += 2 * rows * cols * conv.rows * conv.cols * before * conv.channels
        before = conv.channels
    pair = torch.empty(1, 1, 100, 20, device="meta"), torch.empty(1, 1, 20, 100, device="meta")
    found = limit.operations(CrossoverNet().to("meta").forward_patches, *pair)
    assert found == 2 * wanted + 2 * 1000 * 2


def test_operations_include_the_backward_pass():
    layer, rows = torch.nn.Linear(8, 4), torch.rand(3, 8)
    forward = limit.operations(layer, rows)
    assert forward == 2 * 3 * 8 * 4
    assert limit.operations(lambda: layer(rows).sum().backward()) == 2 * forward  # and the weights' gradient


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_rate_is_operations_over_the_median(precision, monkeypatch):
    monkeypatch.setattr(limit, "timed", lambda function, seconds, most: (0.5, function()))
    monkeypatch.setattr(limit, "SIZE", 64)
    assert limit.matrix_rate(precision) == 2 * 64**3 / 0.5


def test_timed_repeats_until_the_time_is_up(monkeypatch):
    clock = iter([0, 3, 3, 4, 4, 9, 9, 10])  # runs of 3, 1 and 5 seconds
    monkeypatch.setattr(limit.time, "perf_counter", lambda: next(clock))
    answers = iter("abc")
    assert limit.timed(lambda: next(answers), seconds=8) == (3, "c")
