"""The branches of Crossover-Net as one readable line each, and what their layers see of the patch.

A stack is a string such as ``"5x3/16 5x3/36 pool 5x3/64"``: a convolution of 5 rows x 3 columns with 16
channels, one with 36, a 2x2 max pooling with stride 2, a convolution with 64. All convolutions have stride 1
and no padding (Crossover-Net, III-A). It is written for the vertical patch; the horizontal patch runs through
it transposed. Rows and columns are counted from 0, ranges are inclusive.
"""

from typing import NamedTuple

from patchseg.errors import InputError

STACKS: dict[tuple[int, int], str] = {
    # Kidney and heart, Fig. 2. 100x20 -> 96x18 -> 92x16 -> 46x8 -> 42x6 -> 21x3 -> 19x1 -> 13 -> 7 -> 1
    (100, 20): "5x3/16 5x3/36 pool 5x3/64 pool 3x3/64 7x1/64 7x1/64 7x1/500",
    # Breast masses, IV-B: eleven convolutions and three poolings. 340x68 -> ... -> 38x4 -> 36x2 -> 34x1 -> 1
    (340, 68): "5x5/16 5x5/36 pool 5x5/64 pool 6x6/64 pool 3x3/64 3x2/64 7x1/64 8x1/64 8x1/64 8x1/64 7x1/500",
    # The paper's larger DDSM patch (IV-D) without its unpublished layers: ours, in the same spirit, four
    # poolings because the patch is five times as long. 500x50 -> 246x23 -> 121x10 -> 58x4 -> 28x1 -> 1
    (500, 50): "5x3/16 5x3/36 pool 5x4/64 pool 6x3/64 pool 3x3/64 pool 8x1/64 8x1/64 8x1/64 7x1/500",
}


class Conv(NamedTuple):
    """A convolution of a branch: kernel rows and columns, output channels, and the poolings before and after."""

    rows: int
    cols: int
    channels: int
    pools_before: int
    pool_after: bool


class Window(NamedTuple):
    """Rows of a patch's vertical feature map that the constraint loss compares, over all its columns.

    `centre` answers to the overlap of the two patches, `first_end` and `last_end` to the ends of the patch;
    each is an inclusive range of rows, and all three are equally long. `width` counts the map's columns.
    """

    centre: tuple[int, int]
    first_end: tuple[int, int]
    last_end: tuple[int, int]
    width: int


def parse_stack(stack: str) -> tuple[Conv, ...]:
    """Read a stack.

    >>> parse_stack("5x3/16 pool 3x3/64")
    (Conv(rows=5, cols=3, channels=16, pools_before=0, pool_after=True), \
Conv(rows=3, cols=3, channels=64, pools_before=1, pool_after=False))

    Raises:
        InputError: for a word that is neither ``ROWSxCOLS/CHANNELS`` nor ``pool``, or a pool that follows no
            convolution.
    """
    convs: list[Conv] = []
    pools = 0
    for word in stack.split():
        if word == "pool":
            if not convs or convs[-1].pool_after:
                raise InputError(f"stack {stack!r}: every 'pool' must follow a convolution")
            convs[-1] = convs[-1]._replace(pool_after=True)
            pools += 1
            continue
        try:
            kernel, channels = word.split("/")
            rows, cols = kernel.split("x")
            convs.append(Conv(int(rows), int(cols), int(channels), pools, False))
        except ValueError:
            raise InputError(
                f"stack {stack!r}: {word!r} is neither 'pool' nor 'ROWSxCOLS/CHANNELS', as in '5x3/16'"
            ) from None
    return tuple(convs)


def map_sizes(convs: tuple[Conv, ...], patch: tuple[int, int]) -> list[tuple[int, int]]:
    """Rows and columns of every convolution's map for one patch, before the pooling that may follow it.

    >>> map_sizes(parse_stack(STACKS[100, 20]), (100, 20))
    [(96, 18), (92, 16), (42, 6), (19, 1), (13, 1), (7, 1), (1, 1)]

    Raises:
        InputError: if the patch has odd sides, a kernel or a pooling does not fit, or the last map is not 1x1.
    """
    if patch[0] % 2 or patch[1] % 2:
        raise InputError(f"patch {patch[0]}x{patch[1]}: both sides must be even")
    rows, cols = patch
    sizes = []
    for number, conv in enumerate(convs, start=1):
        rows, cols = rows - conv.rows + 1, cols - conv.cols + 1
        if rows < 1 or cols < 1:
            raise InputError(f"conv{number} ({conv.rows}x{conv.cols}) is larger than the map it is given")
        sizes.append((rows, cols))
        if conv.pool_after:
            if rows % 2 or cols % 2:
                raise InputError(f"the pooling after conv{number} needs even sides, but its map is {rows}x{cols}")
            rows, cols = rows // 2, cols // 2
    if (rows, cols) != (1, 1):
        raise InputError(
            f"the stack leaves a {rows}x{cols} map of a {patch[0]}x{patch[1]} patch; it must end at 1x1"
        )
    return sizes


def receptive_region(
    convs: tuple[Conv, ...], layer: int, rows: tuple[int, int], cols: tuple[int, int] = (0, 0)
) -> tuple[tuple[int, int], tuple[int, int]]:
    """What rows and columns of the patch a range of rows and columns of a convolution's map sees, exactly.

    Algorithm 1 of the paper adds the filter's height h where a stride-1 convolution of height h widens the
    range by h - 1; this is the exact count. `layer` is 1 for conv1.

    >>> receptive_region(parse_stack(STACKS[100, 20]), 3, rows=(20, 21))[0]  # the overlap, rows 40 to 59
    (40, 59)
    >>> receptive_region(parse_stack(STACKS[100, 20]), 3, rows=(19, 22))[0]  # the paper's four rows
    (38, 61)
    """
    (first_row, last_row), (first_col, last_col) = rows, cols
    for number in range(layer, 0, -1):
        conv = convs[number - 1]
        if number < layer and conv.pool_after:
            first_row, last_row = 2 * first_row, 2 * last_row + 1
            first_col, last_col = 2 * first_col, 2 * last_col + 1
        last_row, last_col = last_row + conv.rows - 1, last_col + conv.cols - 1
    return (first_row, last_row), (first_col, last_col)


def overlap_rows(convs: tuple[Conv, ...], patch: tuple[int, int], layer: int) -> tuple[int, int]:
    """Rows of a vertical map whose receptive region comes closest to the overlap of the two patches.

    >>> overlap_rows(parse_stack(STACKS[100, 20]), (100, 20), 3)
    (20, 21)
    """
    middle, half = patch[0] // 2, patch[1] // 2
    wanted = (middle - half, middle + half - 1)
    height = map_sizes(convs, patch)[layer - 1][0]

    def distance(rows: tuple[int, int]) -> tuple[int, int]:
        seen = receptive_region(convs, layer, rows)[0]
        # Deep rows see more than the overlap, several of them all of it: then the most central counts.
        return abs(seen[0] - wanted[0]) + abs(seen[1] - wanted[1]), abs(rows[0] - (height - 1 - rows[1]))

    ranges = [(first, last) for first in range(height) for last in range(first, height)]
    return min(ranges, key=distance)


def constraint_window(patch: tuple[int, int], layer: int, widen: int = 1, stack: str | None = None) -> Window:
    """The rows that the constraint loss compares at a layer (Eq. 3, Fig. 5).

    The centre is the overlap's rows, `widen` rows longer on both sides: conv3 of 100x20 gives the four rows
    that the paper quotes (20 to 23 counted from 1), `widen=0` the two rows that see the overlap and nothing
    else. The ends are as long as the centre.

    >>> constraint_window((100, 20), layer=3)
    Window(centre=(19, 22), first_end=(0, 3), last_end=(38, 41), width=6)

    Raises:
        InputError: if there is no such layer, or the map is too short for a centre and two ends apart from it.
    """
    convs = parse_stack(stack or STACKS[patch])
    if not 1 <= layer <= len(convs):
        raise InputError(f"layer {layer}: the stack has convolutions 1 to {len(convs)}")
    height, width = map_sizes(convs, patch)[layer - 1]
    first, last = overlap_rows(convs, patch, layer)
    first, last = first - widen, last + widen
    size = last - first + 1
    if first < size or last >= height - size:
        raise InputError(
            f"layer {layer}: its map of {height} rows has no room for three windows of {size} rows; "
            "take an earlier layer or a smaller 'widen'"
        )
    return Window((first, last), (0, size - 1), (height - size, height - 1), width)
