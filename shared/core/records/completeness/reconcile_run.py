"""The last run of reconcile, as operators read it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.core.wire.json.json_shape import JsonObject

RUN_BLOB: Final = "status/reconcile.json"


def last_run(began_at: datetime, waiting: str | None) -> JsonObject:
    """`waiting`: why it may not begin; None if it began."""
    return {"at": began_at.isoformat(), "waiting": waiting}
