"""What computes a network is one key; torch is the default and changes nothing."""

import pytest
import torch

from patchseg.crossover import CrossoverNet
from patchseg.errors import InputError
from patchseg.precision import Bfloat16
from patchseg.runtimes import RUNTIMES, at_runtime, choice, fast_runtime


def test_torch_is_the_network_itself_or_its_bfloat16():
    net = CrossoverNet()
    assert at_runtime(net) is net
    assert isinstance(at_runtime(net, "torch", "bfloat16"), Bfloat16)


def test_options_reach_the_network_in_bfloat16():
    net = at_runtime(CrossoverNet(), "torch", "bfloat16")
    with torch.no_grad():
        assert net(torch.rand(1, 1, 9, 9), stride=4).shape == (1, 2, 3, 3)


@pytest.mark.parametrize(
    ("runtime", "precision", "words"),
    [
        ("onnx", "float32", "runtime is 'onnx': give one of torch, openvino"),
        ("torch", "half", "precision is 'half'"),
        ("openvino", "half", "precision is 'half'"),
    ],
)
def test_what_there_is_not_is_named(runtime, precision, words):
    with pytest.raises(InputError, match=words):
        at_runtime(torch.nn.Conv2d(1, 1, 1), runtime, precision)


def test_without_openvino_a_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert fast_runtime() == "torch"
    with pytest.raises(InputError, match=r"pip install 'patchseg\[openvino\]'"):
        at_runtime(torch.nn.Conv2d(1, 1, 1), "openvino")


def test_the_fast_runtime_is_one_of_them():
    assert fast_runtime() in RUNTIMES
