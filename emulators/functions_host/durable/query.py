"""The query of a request about many instances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

from starlette.requests import Request

from emulators.functions_host.durable.events import parse_timestamp
from emulators.functions_host.durable.instance import Instance

_STATUSES: Final = frozenset(
    {
        "pending",
        "running",
        "completed",
        "continuedasnew",
        "failed",
        "canceled",
        "terminated",
        "suspended",
    }
)


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """A boolean parameter."""
    value = request.query_params.get(name)
    return default if value is None else value.casefold() == "true"


@dataclass(frozen=True, kw_only=True)
class InstanceFilter:
    """A filter of instances."""

    statuses: frozenset[str]  # in lower case; empty for all
    prefix: str
    created_from: datetime | None
    created_to: datetime | None
    top: int | None

    @classmethod
    def parse(cls, request: Request) -> Self:
        """Parse the query. Unknown values are ignored, as on the real host."""
        statuses = {
            status.strip().casefold()
            for status in request.query_params.get("runtimeStatus", "").split(",")
        }
        top = request.query_params.get("top", "")
        return cls(
            statuses=frozenset(statuses & _STATUSES),
            prefix=request.query_params.get("instanceIdPrefix", ""),
            created_from=_moment(request.query_params.get("createdTimeFrom")),
            created_to=_moment(request.query_params.get("createdTimeTo")),
            top=int(top) if top.isdecimal() and int(top) else None,
        )

    def takes(self, instance: Instance) -> bool:
        """Whether an instance passes."""
        created = parse_timestamp(instance.created)
        return (
            (not self.statuses or instance.status.casefold() in self.statuses)
            and instance.instance_id.startswith(self.prefix)
            and (self.created_from is None or created >= self.created_from)
            and (self.created_to is None or created <= self.created_to)
        )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
