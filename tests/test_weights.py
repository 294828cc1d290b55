import pytest
import torch

from patchseg.errors import InputError
from patchseg.weights import load_weights, save_weights


def network(features=2):
    return torch.nn.Sequential(torch.nn.Linear(3, features), torch.nn.BatchNorm1d(features))


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"model": s, "epoch": 3}])
def test_loads_state_dicts_and_checkpoints(tmp_path, wrap):
    source, target = network(), network()
    torch.save(wrap(source.state_dict()), tmp_path / "model.pt")
    assert load_weights(target, tmp_path / "model.pt") is target
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value)


def test_weights_saved_on_a_gpu_load_without_one(tmp_path, monkeypatch):
    source, target = network(), network()
    with monkeypatch.context() as saving:
        saving.setattr(torch.serialization, "location_tag", lambda storage: "cuda:7")
        torch.save(source.state_dict(), tmp_path / "model.pt")
    load_weights(target, tmp_path / "model.pt")
    assert target[0].weight.device.type == "cpu" and torch.equal(target[0].weight, source[0].weight)


@pytest.mark.parametrize(
    "state, words",
    [
        (network(5).state_dict(), "0.weight has shape (5, 3) instead of (2, 3)"),
        ({k: v for k, v in network().state_dict().items() if k != "0.bias"}, "0.bias is missing"),
        (network().state_dict() | {"head": torch.ones(1)}, "head is not in this network"),
    ],
)
def test_another_network(tmp_path, state, words):
    target = network()
    before = {k: v.clone() for k, v in target.state_dict().items()}
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(InputError) as wrong:
        load_weights(target, tmp_path / "model.pt")
    assert "checkpoint of another network" in str(wrong.value) and words in str(wrong.value)
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items())


def test_no_file(tmp_path):
    with pytest.raises(InputError, match=r"there are no weights at .*model\.pt"):
        load_weights(network(), tmp_path / "model.pt")


class Code:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize("content", [b"", b"no weights", "module", "list", "code"])
def test_files_without_weights(tmp_path, content, capsys):
    path = tmp_path / "model.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save({"module": network(), "list": [1, 2], "code": {"a": Code()}}[content], path)
    with pytest.raises(InputError, match=r"model\.pt"):
        load_weights(network(), path)
    assert "must not run" not in capsys.readouterr().out


def test_saved_weights_are_guarded(tmp_path):
    path = tmp_path / "models" / "model.pt"
    save_weights(network(), path)
    sound = path.read_bytes()
    load_weights(network(), path)
    path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(InputError, match=r"model\.pt\.sha256 was written for"):
        load_weights(network(), path)


def test_weights_trained_in_place_of_others_need_no_hand(tmp_path):
    """What training writes into a bundle's models/ loads; what is copied there without its SHA-256 does not."""
    shipped, own = tmp_path / "model.pt", tmp_path / "run" / "model.pt"
    save_weights(network(), shipped)
    trained = network()
    save_weights(trained, shipped)
    assert torch.equal(load_weights(network(), shipped)[0].weight, trained[0].weight)
    save_weights(network(), own)
    shipped.write_bytes(own.read_bytes())
    with pytest.raises(InputError, match=r"copy it again, with the model\.pt\.sha256 that belongs to it"):
        load_weights(network(), shipped)
    shipped.with_name("model.pt.sha256").write_bytes(own.with_name("model.pt.sha256").read_bytes())
    load_weights(network(), shipped)


def test_the_same_weights_give_the_same_bytes(tmp_path):
    trained = network()
    for name in ("one", "another"):
        save_weights(trained, tmp_path / name / f"{name}.pt")
    assert (tmp_path / "one" / "one.pt").read_bytes() == (tmp_path / "another" / "another.pt").read_bytes()


def test_weights_trained_on_a_gpu_are_written_as_numbers_of_the_cpu(tmp_path):
    """Others read them too, with a plain torch.load, where no GPU is."""

    class OnGpu:
        def cpu(self):
            return torch.ones(2)

    class Trained(torch.nn.Module):
        def state_dict(self):
            return {"weight": OnGpu()}

    save_weights(Trained(), tmp_path / "model.pt")
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=True)["weight"], torch.ones(2))
