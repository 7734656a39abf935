"""Whether the captures of an event are those that were stored.

What is compared: the bodies with the hashes that the relay put into the envelope, which shows what
was altered before the first delivery; and, of a later delivery, the captures with the ledger's
digests of the first one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.core.event.shape import Event
from shared.core.records.exchange import digests
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.digests import NO_DIGESTS, Digests
from shared.core.records.exchange.envelope import Envelope


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedEvent:
    """An event, and what is known of its captures."""

    event: Event  # its `problems` name what was altered
    digests: Digests  # of its captures, for the ledger; without those that were altered
    altered: tuple[str, ...]  # what was altered, as `problems` say it


def check(
    event: Event, envelope: Envelope, request: Capture | None, response: Capture | None
) -> CheckedEvent:
    """Compare the captures with what the envelope says of them."""
    first = envelope.first_delivery or NO_DIGESTS
    sides = (
        _Side(
            name="request",
            stored=request,
            body_sha256=event.request_sha256,
            relayed_sha256=envelope.request_sha256,
            digest=digests.of_capture(request, event.request_sha256),
            first_digest=first.request,
        ),
        _Side(
            name="response",
            stored=response,
            body_sha256=event.response_sha256,
            relayed_sha256=envelope.response_sha256,
            digest=digests.of_capture(response, event.response_sha256),
            first_digest=first.response,
        ),
    )
    problems = {side.name: problem for side in sides if (problem := side.problem)}
    altered = tuple(problems.values())
    return CheckedEvent(
        event=replace(event, problems=(*event.problems, *altered)) if altered else event,
        # an altered capture must not become what later deliveries are compared with
        digests=Digests(**{side.name: side.digest for side in sides if side.name not in problems}),
        altered=altered,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """The request or the response, and what its capture should be."""

    name: str
    stored: Capture | None
    body_sha256: str | None  # of the body that is there
    relayed_sha256: str | None  # of the body that was relayed; None: not known
    digest: str | None  # of the capture that is there
    first_digest: str | None  # of the capture at the first delivery; None: not known

    @property
    def problem(self) -> str | None:
        """Consumers look for the words `capture was altered` (view/, infra/queries)."""
        if self.stored is None:
            is_altered, end = self.first_digest is not None, ": it is not there any more"
        else:
            is_altered, end = self._is_other_body or self._is_other_capture, ""
        return f"the {self.name}'s capture was altered{end}" if is_altered else None

    @property
    def _is_other_body(self) -> bool:
        whole = self.stored is not None and not self.stored.partial
        return whole and self.relayed_sha256 not in {None, self.body_sha256}

    @property
    def _is_other_capture(self) -> bool:
        return self.first_digest not in {None, self.digest}
