"""bfloat16 beside float32: close, in float32 outside, the same weights."""

import pytest
import torch

from patchseg.crossover import CrossoverLoss, CrossoverNet, LatticeNet
from patchseg.errors import InputError
from patchseg.precision import PRECISIONS, at_precision, fast_precision


def gradients(net: CrossoverNet, precision: str) -> tuple[torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(0)
    label = torch.zeros(2, 1, 48, 40)
    label[..., 12:30, 10:30] = 1
    image = label + 0.2 * torch.rand(2, 1, 48, 40)
    net.zero_grad()
    output = at_precision(LatticeNet(net), precision)(image)
    assert {part.dtype for part in output[:3]} == {torch.float32}
    assert output.step == 2
    loss = CrossoverLoss()(output, label)
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in net.parameters()]


def test_loss_and_gradients_are_close_to_float32():
    torch.manual_seed(1)
    net = CrossoverNet()
    expected, expected_gradients = gradients(net, "float32")
    found, found_gradients = gradients(net, "bfloat16")
    assert found != expected, "bfloat16 was not used"
    torch.testing.assert_close(found, expected, rtol=0.01, atol=0)
    for one, other in zip(found_gradients, expected_gradients, strict=True):
        assert one.dtype == torch.float32
        assert torch.cosine_similarity(one.flatten(), other.flatten(), 0) > 0.99


def test_dense_network_keeps_its_weights_and_nearly_its_logits():
    torch.manual_seed(2)
    net = CrossoverNet().eval()
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    image = torch.rand(1, 1, 30, 33)
    with torch.no_grad():
        expected = net(image)
        found = at_precision(net, "bfloat16")(image)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03 * float(expected.abs().max()))
    torch.testing.assert_close(net.state_dict(), weights, rtol=0, atol=0)


def test_float32_is_the_network_itself():
    net = CrossoverNet()
    assert at_precision(net, "float32") is net


def test_another_precision_is_refused():
    with pytest.raises(InputError, match="precision is 'half'"):
        at_precision(CrossoverNet(), "half")


def test_what_the_machine_is_fast_at_is_a_precision():
    assert fast_precision() in PRECISIONS


@pytest.mark.parametrize(
    ("amx", "avx512", "expected"),
    [(True, True, "bfloat16"), (False, True, "bfloat16"), (True, False, "bfloat16"), (False, False, "float32")],
)
def test_bfloat16_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx512: bool, expected: str
):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert fast_precision() == expected
