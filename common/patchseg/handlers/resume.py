"""A training that is killed goes on where it was."""

import pickle
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from tqdm import tqdm

from patchseg.claim import claim
from patchseg.errors import InputError
from patchseg.files import whole_file
from patchseg.weights import save_weights, saved_as


class Resume:
    """Keeps one checkpoint of the whole training, written anew after each epoch, and starts from it if it exists.

    MONAI's CheckpointSaver and CheckpointLoader do less here: the saver writes in place, so that a kill at the
    wrong moment leaves an unreadable file, and neither reaches the trainer's epoch from a config. This one
    writes beside the old file and renames.

    Args:
        path: the checkpoint, as ``last.pt``.
        objects: what has a `state_dict`: network, optimizer, scheduler, by name.
        weights: where the network's plain state dict goes when training is complete, with its SHA-256 beside it.
        network: name of the network among `objects`.
        about: settings a resumed run must share (seed, fold, cases, ...); plain numbers, texts, lists.

    Raises:
        InputError: when `path` holds a training with other settings, or of another network; when another
            process trains into the same folder.
    """

    def __init__(
        self,
        path: str | Path,
        objects: dict[str, Any],
        weights: str | Path,
        network: str = "network",
        about: dict[str, Any] | None = None,
    ) -> None:
        self.path, self.weights = Path(path), Path(weights)
        self.objects, self.network = objects, network
        self.about = about or {}
        self._trained = False

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, before the handlers that read its epoch."""
        engine.add_event_handler(Events.STARTED, self._load)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)
        engine.add_event_handler(Events.COMPLETED, self._finish)

    def _load(self, engine: Engine) -> None:
        if idist.get_rank() == 0:
            claim(self.path.parent)
        if not self.path.is_file():
            return
        checkpoint = self._read()
        for key, value in self.about.items():
            if checkpoint["about"].get(key) != value:
                raise InputError(
                    f"{self.path} belongs to a training with another {key}: "
                    "choose another --output_dir, or delete the old one"
                )
        try:
            for name, thing in self.objects.items():
                thing.load_state_dict(checkpoint[name])
        except (RuntimeError, KeyError, ValueError) as error:
            raise InputError(
                f"{self.path} is of another network: choose another --output_dir, or delete the old one"
            ) from error
        engine.state.epoch = checkpoint["epoch"]
        engine.state.iteration = checkpoint["epoch"] * engine.state.epoch_length
        if idist.get_rank() == 0:
            done = engine.state.epoch >= engine.state.max_epochs
            what = "is complete, nothing to train" if done else f"goes on after epoch {engine.state.epoch}"
            tqdm.write(f"{self.path}: training {what}")

    def _read(self) -> dict[str, Any]:
        try:
            checkpoint = torch.load(self.path, map_location="cpu", weights_only=True)
            if {"about", "epoch"} <= checkpoint.keys():
                return checkpoint
        except (RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, ValueError, KeyError, OSError):
            pass
        raise InputError(
            f"{self.path} is damaged or not a checkpoint of a training: delete it to start anew, "
            "or choose another --output_dir"
        )

    def _save(self, engine: Engine) -> None:
        self._trained = True
        states = {name: thing.state_dict() for name, thing in self.objects.items()}
        self._write(self.path, {"about": self.about, "epoch": engine.state.epoch, **states})

    def _finish(self, engine: Engine) -> None:
        if idist.get_rank() != 0:
            return
        network = self.objects[self.network]
        # started again after its end, or after a kill before all of it was written
        if self._trained or not saved_as(network, self.weights):
            save_weights(network, self.weights)

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        if idist.get_rank() != 0:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            torch.save(content, temporary)
