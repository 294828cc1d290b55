"""Recurrent cells over feature maps, and the block that reads a sequence of maps in both directions.

A cell works in two parts. `inputs` holds all convolutions of the input maps: they do not depend on the recurrence
and run for all times at once. `step` is what has to wait for the state before it. Step after step, this hoisted
form is the definition; tests hold it equal to the equations computed one map at a time.
"""

import torch
from torch import Tensor, nn


class ConvRNNCell(nn.Module):
    """The gated cell of the paper (Sequential patches, Eq. 2 and 3).

        r  = sigmoid(W_xr * x + W_hr * h + b_r)          1x1 kernels
        h' = relu(W_xh * x + W_hh * (r o h) + b_h)       3x3 kernels

    Shape:
        inputs: (N, C, H, W) -> two maps of (N, C, H, W). step: those of one time and the state (B, C, H, W)
        -> the new state, which is also the output.
    """

    states = 1

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input_gate = nn.Conv2d(channels, channels, 1)
        self.state_gate = nn.Conv2d(channels, channels, 1, bias=False)
        self.input_map = nn.Conv2d(channels, channels, 3, padding=1)
        self.state_map = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def inputs(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.input_gate(maps), self.input_map(maps)

    def step(self, gates: Tensor, candidate: Tensor, state: Tensor) -> Tensor:
        reset = torch.sigmoid(gates + self.state_gate(state))
        return torch.relu(candidate + self.state_map(reset * state))


class ConvGRUCell(nn.Module):
    """Convolutional gated recurrent unit (Ballas et al. 2015), a variant of the paper's Table 2.

    z, r = sigmoid(W_x * x + W_h * h + b),  c = tanh(W_xc * x + W_hc * (r o h) + b_c)
    h' = (1 - z) o h + z o c                          3x3 kernels
    """

    states = 1

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input_gates = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.state_gates = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.input_map = nn.Conv2d(channels, channels, 3, padding=1)
        self.state_map = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def inputs(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.input_gates(maps), self.input_map(maps)

    def step(self, gates: Tensor, candidate: Tensor, state: Tensor) -> Tensor:
        update, reset = torch.sigmoid(gates + self.state_gates(state)).chunk(2, 1)
        candidate = torch.tanh(candidate + self.state_map(reset * state))
        return state + update * (candidate - state)


class ConvLSTMCell(nn.Module):
    """Convolutional LSTM (Shi et al. 2015, without peepholes), a variant of the paper's Table 2.

        i, f, o = sigmoid(W_x * x + W_h * h + b),  g = tanh(W_xg * x + W_hg * h + b_g)
        c' = f o c + i o g,  h' = o o tanh(c')            3x3 kernels

    The state holds h and c behind each other, (B, 2 C, H, W).
    """

    states = 2

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input_gates = nn.Conv2d(channels, 3 * channels, 3, padding=1)
        self.state_gates = nn.Conv2d(channels, 3 * channels, 3, padding=1, bias=False)
        self.input_map = nn.Conv2d(channels, channels, 3, padding=1)
        self.state_map = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def inputs(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return self.input_gates(maps), self.input_map(maps)

    def step(self, gates: Tensor, candidate: Tensor, state: Tensor) -> Tensor:
        hidden, cell = state.chunk(2, 1)
        take, keep, show = torch.sigmoid(gates + self.state_gates(hidden)).chunk(3, 1)
        cell = keep * cell + take * torch.tanh(candidate + self.state_map(hidden))
        return torch.cat([show * torch.tanh(cell), cell], 1)


CELLS = {"rnn": ConvRNNCell, "gru": ConvGRUCell, "lstm": ConvLSTMCell}


class Direction(nn.Module):
    """One cell run over a sequence of maps, from the first to the last or back.

    Shape:
        (T * B, C, H, W), all B maps of one time behind each other -> the same shape.
    """

    def __init__(self, channels: int, cell: str, backward: bool) -> None:
        super().__init__()
        self.cell = CELLS[cell](channels)
        self.channels = channels
        self.backward = backward
        self.states: int = CELLS[cell].states

    def forward(self, maps: Tensor, times: int) -> Tensor:
        gates, candidates = self.cell.inputs(maps)
        gates_at, candidate_at = gates.chunk(times), candidates.chunk(times)
        first = candidate_at[0]
        state = torch.zeros_like(torch.cat([first] * self.states, 1))
        found: list[Tensor] = []
        for step in range(times):
            time = times - 1 - step if self.backward else step
            state = self.cell.step(gates_at[time], candidate_at[time], state)
            found.append(state[:, : self.channels])
        if self.backward:
            found.reverse()
        return torch.cat(found)


class RecurrentBlock(nn.Module):
    """Sequence memory of one level: outwards and inwards cells, fused by a 1x1 convolution and ReLU (Fig. 3).

    Args:
        channels: of the maps.
        cell: "rnn" (the paper's), "gru" or "lstm".
        bidirectional: False reads only from the click outwards, without the fusion.

    Shape:
        (T * B, C, H, W), all B maps of one time behind each other -> the same shape.
    """

    def __init__(self, channels: int, cell: str = "rnn", bidirectional: bool = True) -> None:
        super().__init__()
        self.directions = nn.ModuleList(
            Direction(channels, cell, backward) for backward in ((False, True) if bidirectional else (False,))
        )
        self.fuse: nn.Module = nn.Identity()
        if bidirectional:
            self.fuse = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.ReLU())

    def forward(self, maps: Tensor, times: int) -> Tensor:
        memories: list[Tensor] = []
        for direction in self.directions:
            memories.append(direction(maps, times))
        return self.fuse(torch.cat(memories, 1))
