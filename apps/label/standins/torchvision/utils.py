"""The two functions that MONAI Label imports, for transforms that write pictures of a training's progress."""

from typing import Any, NoReturn


def make_grid(*args: Any, **kwargs: Any) -> NoReturn:
    """Not here."""
    raise NotImplementedError("install torchvision for Label's pictures of intermediate results.")


save_image = make_grid
