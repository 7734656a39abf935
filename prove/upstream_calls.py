"""The calls that reached the upstream, as the stand-in for Azure OpenAI recorded them."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import Any, Self

from local.stack import Stack


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamRecord:
    """The upstream's record of one exchange."""

    count: int  # of calls for the same exchange: more than one are a repetition
    request_sha256: str
    response_sha256: str
    response_bytes: int
    finished: bool  # the upstream sent its whole response, and nobody broke it off
    started_at: float  # time.monotonic() at which the request's headers had arrived

    @classmethod
    def from_json(cls, document: dict[str, Any], count: int) -> Self:
        """The call that the stand-in describes."""
        return cls(
            count=count,
            request_sha256=document["request_sha256"],
            response_sha256=document["response_sha256"],
            response_bytes=document["response_size"],
            finished=document["ended"] == "finished",
            started_at=document["started_at"],
        )


def upstream_calls(stack: Stack, deployment: str = "") -> dict[str, UpstreamRecord]:
    """Deployment -> its newest call, of one deployment or of all. Each exchange has its own."""
    url = f"{stack.stand_in_url}/_stand_in/exchanges?details=false&deployment={deployment}"
    calls: dict[str, UpstreamRecord] = {}
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 - http to this machine
        for document in json.load(response):
            name = str(document["deployment"])
            if not name:
                continue  # its request never became whole
            count = calls[name].count + 1 if name in calls else 1
            calls[name] = UpstreamRecord.from_json(document, count)
    return calls
