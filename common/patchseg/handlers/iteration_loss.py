"""The loss a trainer has just computed."""

from typing import Any

import torch
from ignite.engine import Engine


def iteration_loss(engine: Engine) -> float | None:
    """The loss in `engine.state.output`, decollated (each item holds the batch's loss) or not; None without one.

    >>> engine = Engine(lambda engine, batch: {"loss": torch.tensor(0.5, requires_grad=True)})
    >>> engine.run([0]).output["loss"].requires_grad, iteration_loss(engine)
    (True, 0.5)
    """
    output: Any = engine.state.output
    first = output[0] if isinstance(output, list) and output else output
    if not isinstance(first, dict) or "loss" not in first:
        return None
    return float(torch.as_tensor(first["loss"]).detach())
