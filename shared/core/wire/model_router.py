"""Azure's model router, which passes a request on to a model that it chooses."""

from __future__ import annotations

from typing import Final

_NAME: Final = "model-router"  # its versions' names begin with it


def is_model_router(model: str) -> bool:
    """Whether it is the name of a model router, or of a version of it."""
    return model.startswith(_NAME)
