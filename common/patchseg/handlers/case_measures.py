"""Measures of every case an evaluator sees, as metrics of the engine and as a results file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.data import MetaTensor
from monai.utils import string_list_all_gather
from tqdm import tqdm

from patchseg.errors import InputError
from patchseg.files import whole_file
from patchseg.metrics import MEASURES, Case, case_measures, patient_means, plain, summary, table

EACH = ("dsc", "hd_mm")  # of every structure, where there are several


class CaseMeasures:
    """Measures each case and puts the means into `engine.state.metrics`, the same on every rank.

    The evaluator runs with `decollate=True`; after its post-processing each item holds `pred` and `label`,
    masks of (1, X, Y, Z) on one grid, whichever. The spacing is that of the label's affine. `ClickMeasures`
    measures more. Masks of several structures hold their numbers, from 1: then all of them together are measured
    as one, and each by itself as `<structure>_dsc` and `<structure>_hd_mm`.

    Metrics: `val_mean_dice`, `val_mean_hd_mm` (NaN when no case has a distance), `val_mean_or`,
    `val_mean_ur`, `val_missed`; of several structures also `val_mean_<structure>_dice`. List it FIRST among the
    handlers, or name it as the evaluator's key metric, `key_val_metric={"val_mean_dice": measures}` (MONAI
    attaches that before all handlers and keeps the best value): ignite calls handlers in the order they were
    attached, and whatever reads metrics at the end of an epoch (CheckpointSaver, MLFlowHandler) has to come
    after.

    Args:
        path: JSON file to write when the evaluator completes; None (validation while training) writes none.
        about: what produced the results, copied into the file.
        show: print a table of cases and the mean when the evaluator completes.
        structures: names of the numbers 1, 2, ... in the masks, where there are several.
    """

    measures: Sequence[str] = MEASURES  # what a case holds beside its names
    shown: Sequence[str] = MEASURES  # the columns of the table

    def __init__(
        self,
        path: str | Path | None = None,
        about: dict[str, Any] | None = None,
        show: bool = False,
        structures: Sequence[str] = (),
    ) -> None:
        self.path = Path(path) if path is not None else None
        self.about = about or {}
        self.show = show
        self.structures = list(structures) if len(structures) > 1 else []
        each = [f"{name}_{measure}" for name in self.structures for measure in EACH]
        self.measures, self.shown = (*self.measures, *each), (*self.shown, *each)
        self.cases: list[Case] = []  # this rank's while the epoch runs, then every rank's, sorted by name

    def attach(self, engine: Engine, name: str | None = None) -> None:
        """Attach to an evaluator. `name` is what `key_val_metric` calls it: one of the metrics above."""
        engine.add_event_handler(Events.EPOCH_STARTED, self._clear)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._measure)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._gather, name)
        engine.add_event_handler(Events.COMPLETED, self._finish)

    def _clear(self, engine: Engine) -> None:
        self.cases = []

    def _measure(self, engine: Engine) -> None:
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            case = {**case_names(item), **self._measures_of(output)}
            if _key(case) in map(_key, self.cases):
                raise InputError(
                    f"two cases are called {case['name']} (patient {case['patient']}): name them apart."
                )
            self.cases.append(case)

    def _measures_of(self, output: dict[str, Any]) -> dict[str, float]:
        pred, label, mm = output["pred"], output["label"], spacing(output["label"])
        if not self.structures:
            return case_measures(pred, label, mm)
        found = case_measures(pred != 0, label != 0, mm)
        for number, name in enumerate(self.structures, start=1):
            own = case_measures(pred == number, label == number, mm)
            found |= {f"{name}_{measure}": own[measure] for measure in EACH}
        return found

    def _gather(self, engine: Engine, name: str | None) -> None:
        shares = string_list_all_gather([json.dumps(self.cases)])
        everyone = (case for share in shares for case in json.loads(share))
        # a distributed sampler repeats cases until every rank has equally many: each counts once
        self.cases = sorted({_key(case): case for case in everyone}.values(), key=_key)
        engine.state.metrics |= self._metrics(summary(self.cases, self.measures))
        if name is not None and name not in engine.state.metrics:
            known = ", ".join(engine.state.metrics)
            raise InputError(
                f"key_val_metric {name} is no metric of {type(self).__name__}: choose one of {known}."
            )

    def _metrics(self, total: dict[str, Any]) -> dict[str, float]:
        mean = total["mean"]
        return {
            "val_mean_dice": mean["dsc"],
            "val_mean_hd_mm": mean["hd_mm"],
            "val_mean_or": mean["or"],
            "val_mean_ur": mean["ur"],
            "val_missed": total["missed"],
            **{f"val_mean_{name}_dice": mean[f"{name}_dsc"] for name in self.structures},
        }

    def _finish(self, engine: Engine) -> None:
        if idist.get_rank() != 0:
            return
        if self.path is not None:
            write_results(self.path, self.about, self.cases, self.measures)
        if self.show:
            tqdm.write(table(self.cases, self.shown))  # keeps a running progress bar in one piece


def write_results(
    path: Path, about: dict[str, Any], cases: list[Case], measures: Sequence[str] = MEASURES
) -> None:
    """Write `about`, `cases`, `patients` (means) and `summary` as JSON, all or nothing; NaN becomes null."""
    results = {
        "about": about,
        "cases": cases,
        "patients": patient_means(cases, measures),
        "summary": summary(cases, measures),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(plain(results), indent=1, allow_nan=False) + "\n")


def case_names(item: dict[str, Any]) -> dict[str, str]:
    """The item's `name` and `patient`; without them the image's file name stands for both."""
    meta = getattr(item.get("image"), "meta", {})
    name = str(item.get("name") or Path(str(meta.get("filename_or_obj", "case"))).name)
    return {"name": name, "patient": str(item.get("patient") or name)}


def spacing(volume: torch.Tensor) -> list[float]:
    """Millimetres per voxel along the three axes of (1, X, Y, Z); 1 mm for a tensor without an affine."""
    return volume.pixdim.tolist() if isinstance(volume, MetaTensor) else [1.0, 1.0, 1.0]


def _key(case: Case) -> tuple[str, str]:
    return case["name"], case["patient"]
