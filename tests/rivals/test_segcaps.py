"""SegCaps: vectors whose length is a probability, votes that agree, and a network that learns."""

import pytest
import torch

from patchseg.rivals import SegCaps
from patchseg.rivals.segcaps import Capsules, squash


def test_lengths_are_between_none_and_one():
    vectors = torch.tensor([3.0, 4.0]).view(1, 1, 2, 1, 1)
    found = squash(vectors)
    assert found.square().sum().sqrt() == pytest.approx(25 / 26)
    torch.testing.assert_close(found / found.norm(), vectors / 5)


def test_the_vote_of_those_that_agree_counts_more():
    layer = Capsules(2, 2, 2, kernel=1)
    with torch.no_grad():
        layer.bias.zero_()
        layer.votes.weight.copy_(torch.tensor([[1.0, 0], [0, 1], [0, 0], [0, 0]])[..., None, None])
        below = torch.tensor([[3.0, 0], [3.0, 0], [-3.0, 1.0]]).view(1, 3, 2, 1, 1)
        routed = layer(below).flatten()
        layer.rounds = 1
        plain = layer(below).flatten()
    assert routed[:2].norm() > plain[:2].norm() + 0.1  # (3, 0) twice against (-3, 1) once


def test_softmax_gives_the_length_and_it_learns_a_square():
    torch.manual_seed(0)
    net = SegCaps()
    assert 1.2e6 < sum(p.numel() for p in net.parameters()) < 1.5e6  # 1.4 million in the publication
    image = torch.rand(1, 1, 16, 16) * 0.2
    label = torch.zeros(1, 16, 16, dtype=torch.long)
    label[:, 6:14, 4:12] = 1
    image[0, 0][label[0] == 1] += 1
    optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
    losses: list[float] = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(image), label)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    torch.testing.assert_close(net(image).exp().sum(1), torch.ones(1, 16, 16))
    assert losses[-1] < 0.8 * losses[0]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
