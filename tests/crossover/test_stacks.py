"""Receptive regions against gradients, and the windows that the paper quotes."""

import pytest
import torch

from patchseg.crossover import STACKS, CrossoverNet, constraint_window, receptive_region
from patchseg.crossover.stacks import map_sizes, overlap_rows, parse_stack


def test_map_sizes_of_the_breast_stack():
    sizes = map_sizes(parse_stack(STACKS[340, 68]), (340, 68))
    assert sizes == [
        (336, 64), (332, 60), (162, 26), (76, 8), (36, 2), (34, 1), (28, 1), (21, 1), (14, 1), (7, 1), (1, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("patch", list(STACKS))
def test_receptive_regions_are_what_gradients_say(patch):
    net = CrossoverNet(patch).double()
    convs = parse_stack(STACKS[patch])
    # Positive weights and input: no ReLU closes; average pooling lets the gradient reach all it sees.
    for parameter in net.parameters():
        torch.nn.init.constant_(parameter, 0.01)
    for layer, (height, width) in enumerate(map_sizes(convs, patch), start=1):
        image = torch.ones(1, 1, *patch, dtype=torch.double, requires_grad=True)
        maps = image
        for conv, spec in zip(net.vertical.convs[:layer], convs, strict=False):
            before_pool = conv(maps)
            maps = torch.nn.functional.avg_pool2d(before_pool, 2) if spec.pool_after else before_pool
        rows, cols = (height // 3, min(height // 3 + 1, height - 1)), (width // 2, width // 2)
        before_pool[0, :, rows[0] : rows[1] + 1, cols[0]].sum().backward()
        seen = image.grad[0, 0].nonzero()
        expected = tuple((int(seen[:, axis].min()), int(seen[:, axis].max())) for axis in (0, 1))
        assert receptive_region(convs, layer, rows, cols) == expected


def test_the_paper_s_rows_of_conv3():
    """Rows 20 to 23 counted from 1, and the two rows that see exactly the overlap, 41 to 60."""
    window = constraint_window((100, 20), layer=3)
    assert window.centre == (19, 22) and window.first_end == (0, 3) and window.last_end == (38, 41)
    assert constraint_window((100, 20), layer=3, widen=0).centre == (20, 21)


@pytest.mark.parametrize("patch", list(STACKS))
def test_windows_lie_in_the_middle_and_do_not_touch(patch):
    convs = parse_stack(STACKS[patch])
    found = 0
    for layer, (height, _) in enumerate(map_sizes(convs, patch), start=1):
        first, last = overlap_rows(convs, patch, layer)
        assert abs((height - 1 - last) - first) <= 1, f"conv{layer}: {first}..{last} of {height}"
        try:
            window = constraint_window(patch, layer)
        except ValueError:
            continue
        found += 1
        spans = [window.first_end, window.centre, window.last_end]
        assert len({b - a for a, b in spans}) == 1
        assert spans[0][1] < spans[1][0] and spans[1][1] < spans[2][0]
    assert found >= 4


@pytest.mark.parametrize(
    ("stack", "words"),
    [("5x3/16 pol", "neither"), ("pool 3x3/8", "follow"), ("3x3/8 pool pool", "follow"), ("3/8", "neither")],
)
def test_a_stack_that_cannot_be_read(stack, words):
    with pytest.raises(ValueError, match=words):
        parse_stack(stack)


def test_layers_that_do_not_exist_or_have_no_room():
    with pytest.raises(ValueError, match="convolutions 1 to 7"):
        constraint_window((100, 20), layer=9)
    with pytest.raises(ValueError, match="no room"):
        constraint_window((100, 20), layer=7)
    with pytest.raises(ValueError, match="even"):
        map_sizes(parse_stack("3x3/8"), (3, 3))
