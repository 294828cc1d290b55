"""Shapes of one slice, against direct definitions."""

import numpy as np
import pytest

from patchseg.seqpatch.shapes import (
    around,
    between,
    core,
    depth,
    dice,
    grown,
    interior_point,
    nearer,
    parts,
    touching,
)

SHAPE = (40, 60)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]


def disc(row, column, radius):
    return np.hypot(ROWS - row, COLUMNS - column) <= radius


def test_depth_is_the_distance_to_the_nearest_pixel_outside():
    mask = disc(15, 20, 8) | disc(15, 50, 30)  # the second runs out of the slice
    padded = np.pad(mask, 1)
    outside = np.argwhere(~padded) - 1
    for row, column in [(15, 20), (15, 13), (20, 55), (0, 59), (39, 45)]:
        expected = np.hypot(*(outside - (row, column)).T).min()
        assert depth(mask)[row, column] == pytest.approx(expected)
    assert not depth(np.zeros(SHAPE, bool)).any()


def test_interior_point():
    assert interior_point(disc(20, 30, 9)) == (20, 30)
    ring = disc(20, 30, 15) & ~disc(20, 30, 6)
    bent = disc(20, 20, 12) & ~disc(16, 25, 10)
    for mask in (ring, bent):
        row, column = map(round, interior_point(mask))
        assert depth(mask)[row, column] == depth(mask).max()


def test_parts_and_their_cores():
    mask = disc(10, 10, 6) | disc(25, 40, 9) | disc(35, 5, 1)  # the last is too small
    found = parts(mask)
    assert [int(p.sum()) for p in found] == [disc(10, 10, 6).sum(), disc(25, 40, 9).sum()]
    inner = core(mask)
    assert np.array_equal(inner & found[0], depth(found[0]) >= depth(found[0]).max() / 2)
    assert inner[10, 10] and inner[25, 40] and not inner[35, 5] and not inner[10, 4] and not (inner & ~mask).any()
    assert parts(np.zeros(SHAPE, bool)) == [] and not core(np.zeros(SHAPE, bool)).any()


def test_grown_keeps_to_its_radius():
    radius = 10
    wide = grown(disc(20, 30, radius), 1.3, 2)
    assert disc(20, 30, 1.3 * radius + 1).sum() < wide.sum() < disc(20, 30, 1.3 * radius + 3).sum()


def test_nearer_and_around():
    points, others = [(5, 5), (30, 50)], [(20, 20)]
    found = nearer(points, others, SHAPE)
    for row, column in [(0, 0), (12, 12), (13, 13), (39, 59), (20, 21)]:
        apart = [np.hypot(row - r, column - c) for r, c in points]
        assert found[row, column] == (min(apart) < np.hypot(row - 20, column - 20))
    assert (
        nearer(points, [], SHAPE).all() and not nearer([], points, SHAPE).any() and not nearer([], [], SHAPE).any()
    )
    assert not nearer(points, points, SHAPE).any()
    assert np.array_equal(around([(20, 30)], 4, SHAPE), disc(20, 30, 4))


def test_between_lies_on_the_path_and_changes_size_evenly():
    first, second = disc(10, 12, 5), disc(28, 44, 10)
    for share in (0.25, 0.5, 0.75):
        expected = disc(10 + 18 * share, 12 + 32 * share, 5 + 5 * share)
        assert dice(between(first, second, share), expected) > 0.93
    assert np.array_equal(between(first, np.zeros(SHAPE, bool), 0.7), first)
    assert np.array_equal(between(np.zeros(SHAPE, bool), second, 0.7), second)


def test_touching_and_dice():
    mask = disc(10, 10, 5) | disc(30, 40, 6)
    assert np.array_equal(touching(mask, disc(10, 17, 3)), disc(10, 10, 5))
    assert not touching(mask, disc(20, 25, 2)).any()
    assert dice(disc(10, 10, 5), mask) == pytest.approx(2 * 81 / (81 * 2 + disc(30, 40, 6).sum()))
    assert dice(np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)) == 0
