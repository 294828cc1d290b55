"""The sequential-patch network against the paper's equations, one map at a time."""

import pytest
import torch
from torch import nn

from patchseg.errors import InputError
from patchseg.seqpatch import SeqPatchNet
from patchseg.seqpatch.cells import CELLS, ConvGRUCell, ConvLSTMCell, ConvRNNCell, Direction

VARIANTS = {
    "default": {},
    "bottom only": {"recurrence": ("bottom",)},
    "bottom and middle": {"recurrence": ("bottom", "middle")},
    "no memory": {"recurrence": ()},
    "one direction": {"bidirectional": False},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
    "sequence FCN": {"recurrence": ("bottom",), "skips": False},
}


def rnn_by_the_book(cell: ConvRNNCell, maps: list[torch.Tensor]) -> list[torch.Tensor]:
    state, found = torch.zeros_like(maps[0]), []
    for x in maps:
        r = torch.sigmoid(cell.input_gate(x) + cell.state_gate(state))
        state = torch.relu(cell.input_map(x) + cell.state_map(r * state))
        found.append(state)
    return found


def gru_by_the_book(cell: ConvGRUCell, maps: list[torch.Tensor]) -> list[torch.Tensor]:
    state, found = torch.zeros_like(maps[0]), []
    for x in maps:
        z, r = torch.sigmoid(cell.input_gates(x) + cell.state_gates(state)).chunk(2, 1)
        state = (1 - z) * state + z * torch.tanh(cell.input_map(x) + cell.state_map(r * state))
        found.append(state)
    return found


def lstm_by_the_book(cell: ConvLSTMCell, maps: list[torch.Tensor]) -> list[torch.Tensor]:
    hidden, memory, found = torch.zeros_like(maps[0]), torch.zeros_like(maps[0]), []
    for x in maps:
        i, f, o = torch.sigmoid(cell.input_gates(x) + cell.state_gates(hidden)).chunk(3, 1)
        memory = f * memory + i * torch.tanh(cell.input_map(x) + cell.state_map(hidden))
        hidden = o * torch.tanh(memory)
        found.append(hidden)
    return found


BY_THE_BOOK = {"rnn": rnn_by_the_book, "gru": gru_by_the_book, "lstm": lstm_by_the_book}


def _direction(cell: str, backward: bool) -> Direction:
    torch.manual_seed(0)
    direction = Direction(3, cell, backward).double()
    for weight in direction.parameters():
        nn.init.normal_(weight, std=0.3)
    return direction


def _gradients(module: nn.Module, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(module.parameters())))


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("times", [1, 5])
def test_hoisted_recurrence_equals_the_equations_in_value_and_gradient(
    cell: str, backward: bool, times: int
) -> None:
    direction = _direction(cell, backward)
    maps = [torch.randn(2, 3, 6, 5, dtype=torch.float64) for _ in range(times)]
    order = maps[::-1] if backward else maps
    wanted = BY_THE_BOOK[cell](direction.cell, order)
    wanted = torch.stack(wanted[::-1] if backward else wanted)
    found = direction(torch.cat(maps), times).unflatten(0, (times, 2))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    weights = torch.randn_like(wanted)
    for one, other in zip(
        _gradients(direction, (found * weights).sum()),
        _gradients(direction, (wanted * weights).sum()),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_default_has_the_papers_number_of_parameters() -> None:
    assert sum(p.numel() for p in SeqPatchNet().parameters()) == 1_370_241


@pytest.mark.parametrize("arguments", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (3, 4, 32, 32), (2, 5, 16, 40)])
def test_every_variant_keeps_the_shape_and_trains(arguments: dict, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    net = SeqPatchNet(**arguments, channels=(4, 6, 8))
    patches = torch.randn(shape)
    logits = net(patches)
    assert logits.shape == shape
    logits.square().sum().backward()
    used = {name for name, p in net.named_parameters() if p.grad is not None}
    assert used == {name for name, _ in net.named_parameters()}


def test_rays_do_not_influence_each_other() -> None:
    torch.manual_seed(0)
    net, patches = SeqPatchNet(channels=(4, 6, 8)), torch.randn(5, 3, 32, 32)
    together = net(patches)
    apart = torch.cat([net(ray[None]) for ray in patches])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)


def _reach(net: SeqPatchNet, of: int) -> list[int]:
    """Patches whose pixels the logits of patch number `of` depend on."""
    patches = torch.randn(1, 5, 32, 32, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(patches)[0, of].sum(), patches)
    return [t for t in range(5) if gradient[0, t].abs().max() > 0]


def test_memory_reaches_where_the_direction_says() -> None:
    torch.manual_seed(0)
    small = {"channels": (4, 6, 8)}
    assert _reach(SeqPatchNet(**small), of=2) == [0, 1, 2, 3, 4]
    assert _reach(SeqPatchNet(**small, bidirectional=False), of=2) == [0, 1, 2]
    assert _reach(SeqPatchNet(**small, recurrence=()), of=2) == [2]


@pytest.mark.parametrize("arguments", VARIANTS.values(), ids=VARIANTS)
def test_torchscript_gives_the_same(arguments: dict) -> None:
    torch.manual_seed(0)
    net = SeqPatchNet(**arguments, channels=(4, 6, 8)).eval()
    scripted = torch.jit.script(net)
    for rays, times in ((2, 3), (4, 1)):
        patches = torch.randn(rays, times, 32, 32)
        torch.testing.assert_close(scripted(patches), net(patches), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "words"), [({"recurrence": ("side",)}, "side"), ({"cell": "vanilla"}, "vanilla")]
)
def test_unknown_choices_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        SeqPatchNet(**arguments)
