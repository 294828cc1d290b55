"""Cases that a model card may show, judged by the bundle's shipped weights through its own evaluate.json."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from monai.engines import IterationEvents
from torch import nn

from patchseg.bundles import bundle_root
from patchseg.handlers import CaseMeasures, Progress
from patchseg.handlers.case_measures import case_names
from patchseg.pictures import Panel, largest_slice, panel


class OnGrid(NamedTuple):
    """One slice as the network saw it, arrays (row, column) on its grid.

    `probability` of any foreground is 0..1, `reference` a mask; `click` is row and column, None without one.
    """

    image: np.ndarray
    probability: np.ndarray
    reference: np.ndarray
    click: tuple[int, int] | None


class Judged(NamedTuple):
    """A case: its measures, the slice with most of the reference on the file's grid, and one on the network's."""

    measures: dict[str, Any]
    shown: Panel
    on_grid: OnGrid


class Keep:
    """Handler of an evaluator that keeps of each case what a card draws."""

    def __init__(self) -> None:
        self.shown: dict[str, Panel] = {}
        self.on_grid: dict[str, OnGrid] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator."""
        engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, self._keep_grid)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._keep_panel)

    def _keep_grid(self, engine: Engine) -> None:
        image, pred = engine.state.output["image"][0], engine.state.output["pred"][0]
        reference = engine.state.batch["grid_label"][0, 0] != 0
        clicks = image[1].nonzero().tolist() if len(image) > 1 else []
        index = clicks[0][2] if clicks else int(reference.sum((0, 1)).argmax())
        probability = pred[0] if clicks else 1 - torch.softmax(pred, 0)[0]  # of a click bundle it comes ready
        slices = (np.asarray(volume[..., index]) for volume in (image[0], probability, reference))
        name = engine.state.batch["name"][0]
        self.on_grid[name] = OnGrid(*slices, tuple(clicks[0][:2]) if clicks else None)

    def _keep_panel(self, engine: Engine) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            name = case_names(item)["name"]
            self.shown[name] = panel(output["image"][:1], output["label"], output["pred"], name)


def configured(bundle: str, settings: dict[str, Any]) -> ConfigParser:
    """The bundle's evaluate.json with settings replaced."""
    parser = ConfigParser()
    parser.read_config(bundle_root(bundle) / "configs" / "evaluate.json")
    parser.update(settings)
    return parser


def judge(
    bundle: str, dataset_dir: Path, settings: dict[str, Any], measure: str = "dsc"
) -> tuple[list[Judged], nn.Module]:
    """Every case of a folder, or those that `settings` choose, and the network that judged them.

    Of several structures `measure` may be that of one, `cavity_dsc`; it is then the cases' `dsc`.
    """
    parser = configured(bundle, {"dataset_dir": str(dataset_dir), "handlers": [], **settings})
    evaluator = parser.get_parsed_content("evaluator")
    measures, keep = CaseMeasures(structures=parser.get("structures", ())), Keep()
    for handler in (measures, keep, Progress(description=f"{bundle}, {dataset_dir.name}")):
        handler.attach(evaluator)
    evaluator.run()
    cases = [case | {"dsc": case[measure]} for case in measures.cases]
    found = [Judged(case, keep.shown[case["name"]], keep.on_grid[case["name"]]) for case in cases]
    return found, parser.get_parsed_content("network")


def unjudged(bundle: str, dataset_dir: Path, settings: dict[str, Any]) -> tuple[Panel, OnGrid]:
    """The first case of a folder, for a bundle without weights: the file's slice, and the network's."""
    given = {"dataset_dir": str(dataset_dir), **settings}
    whole, seen = (configured(bundle, given | cut).get_parsed_content("dataset")[0] for cut in ({"crop": 1e9}, {}))
    index = largest_slice(whole["label"])
    slices = [np.asarray(seen[key][0, ..., index]) for key in ("image", "grid_label")]
    empty = np.zeros(slices[0].shape)
    outlined = panel(whole["image"], whole["label"], whole["label"], "")._replace(prediction=None)
    return outlined, OnGrid(slices[0], empty, slices[1] != 0, None)
