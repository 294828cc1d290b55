"""Measures of interactive segmentation, case by case."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data import MetaTensor

from patchseg.handlers.case_measures import CaseMeasures
from patchseg.metrics import MEASURES
from patchseg.metrics_prostate import (
    CENTROID_MEASURES,
    PROMISE12_MEASURES,
    centroid_distances,
    promise12_measures,
)

CONFIDENCE_MEASURES = ("confidence", "lowest_confidence")


class ClickMeasures(CaseMeasures):
    """`CaseMeasures`, and what is asked of a click: centroids, PROMISE12's measures, confidence and seconds.

    Beside `pred` and `label` an item may hold the confidence of its slices, as `ConfidencePerSliced` gives it:
    {"values": [...]} with 0 where nothing was judged.

    Each case has, beside the measures of `CaseMeasures`: `cd_x_mm`, `cd_y_mm`, `cd_z_mm`
    (`metrics_prostate.centroid_distances`), the twelve of `promise12_measures`, `confidence` and
    `lowest_confidence` (mean and minimum over the judged slices; NaN where there is none) and `seconds` (network,
    inferer and post-processing; a batch's time is shared evenly).

    Metrics: those of `CaseMeasures`, `val_mean_abd_mm`, `val_mean_hd95_mm`, `val_mean_confidence`,
    `val_mean_seconds`.

    Args:
        path, about, show: as in `CaseMeasures`.
        confidence_key: where the confidences are.
    """

    measures: Sequence[str] = (
        *MEASURES,
        *CENTROID_MEASURES,
        *PROMISE12_MEASURES,
        *CONFIDENCE_MEASURES,
        "seconds",
    )
    shown: Sequence[str] = ("dsc", "whole_abd_mm", "whole_hd95_mm", *CENTROID_MEASURES, "confidence", "seconds")

    def __init__(self, *args: Any, confidence_key: str = "confidence", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.confidence_key = confidence_key
        self._started = 0.0
        self._seconds = math.nan

    def attach(self, engine: Engine, name: str | None = None) -> None:
        engine.add_event_handler(Events.ITERATION_STARTED, self._start)
        super().attach(engine, name)

    def _start(self, engine: Engine) -> None:
        self._started = time.perf_counter()

    def _measure(self, engine: Engine) -> None:
        self._seconds = (time.perf_counter() - self._started) / len(engine.state.output)
        super()._measure(engine)

    def _measures_of(self, output: dict[str, Any]) -> dict[str, float]:
        pred, label = output["pred"], output["label"]
        affine = label.affine if isinstance(label, MetaTensor) else torch.eye(4)
        return {
            **super()._measures_of(output),
            **centroid_distances(pred, label, affine),
            **promise12_measures(pred, label, affine),
            **_confidences(output.get(self.confidence_key)),
            "seconds": self._seconds,
        }

    def _metrics(self, total: dict[str, Any]) -> dict[str, float]:
        mean = total["mean"]
        return {
            **super()._metrics(total),
            "val_mean_abd_mm": mean["whole_abd_mm"],
            "val_mean_hd95_mm": mean["whole_hd95_mm"],
            "val_mean_confidence": mean["confidence"],
            "val_mean_seconds": mean["seconds"],
        }


def _confidences(per_slice: Mapping[str, Any] | None) -> dict[str, float]:
    judged = [c for c in per_slice["values"] if c > 0] if per_slice else []
    values = (float(np.mean(judged)), float(min(judged))) if judged else (math.nan, math.nan)
    return dict(zip(CONFIDENCE_MEASURES, values, strict=True))
