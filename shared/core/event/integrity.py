"""The sizes and hashes of captured bodies, and whether the captures are those that were stored.

The bodies are compared with the hashes that the relay put into the envelope, which shows an
alteration before the first delivery. At a later delivery, the captures are also compared with the
ledger's digests of the first one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from shared.core.event.shape import Event
from shared.core.records.exchange import digests
from shared.core.records.exchange.capture import BodyDigest, Capture
from shared.core.records.exchange.digests import NO_DIGESTS, Digests
from shared.core.records.exchange.envelope import Envelope


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedEvent:
    """An event, and the result of checking its captures."""

    event: Event  # its `problems` name altered captures
    digests: Digests  # the digests of its unaltered captures, for the ledger
    altered: tuple[str, ...]  # a sentence for each altered capture, as in `problems`


def check(
    event: Event, envelope: Envelope, request: Capture | None, response: Capture | None
) -> CheckedEvent:
    """Compare the captures with the envelope's hashes and digests."""
    first = envelope.first_delivery or NO_DIGESTS
    request_side = _Side(
        name="request",
        stored=request,
        body_sha256=event.request_sha256,
        relayed_sha256=envelope.request_sha256,
        digest=digests.of_capture(request, event.request_sha256),
        first_digest=first.request,
    )
    response_side = _Side(
        name="response",
        stored=response,
        body_sha256=event.response_sha256,
        relayed_sha256=envelope.response_sha256,
        digest=digests.of_capture(response, event.response_sha256),
        first_digest=first.response,
    )
    altered = tuple(filter(None, (request_side.problem, response_side.problem)))
    return CheckedEvent(
        event=replace(event, problems=(*event.problems, *altered)) if altered else event,
        digests=Digests(request=request_side.sound_digest, response=response_side.sound_digest),
        altered=altered,
    )


def body_bytes(envelope: Envelope, capture: Capture | None, relayed_bytes: int) -> int:
    """The size of the captured body; without a capture, `relayed_bytes`."""
    if capture is None:
        return relayed_bytes
    digest = _known_digest(envelope, capture)
    return digest.bytes if digest else len(capture.body)


def body_sha256(envelope: Envelope, capture: Capture | None) -> str | None:
    """The SHA-256 of the captured body, in hexadecimal; None without a capture."""
    if capture is None:
        return None
    digest = _known_digest(envelope, capture)
    return digest.sha256 if digest else hashlib.sha256(capture.body).hexdigest()


def _known_digest(envelope: Envelope, capture: Capture) -> BodyDigest | None:
    """The size and hash of a body that is not here: it was too large to be read, or it is not
    stored. If bodies are stored, the header is not believed: it may have been changed to hide that
    the body was altered.
    """
    if capture.unread is not None:
        return capture.unread
    return None if envelope.content_mode.stores_bodies else capture.body_digest


@dataclass(frozen=True, kw_only=True, slots=True)
class _Side:
    """The request or the response: its capture, and the expected hashes."""

    name: str
    stored: Capture | None
    body_sha256: str | None  # the stored body's
    relayed_sha256: str | None  # the relayed body's; None: not known
    digest: str | None  # the stored capture's
    first_digest: str | None  # the capture's at the first delivery; None: not known

    @property
    def problem(self) -> str | None:
        """Consumers look for the words `capture was altered` (view/, infra/queries)."""
        if self.stored is None:
            is_altered, end = self.first_digest is not None, ": it is not there any more"
        else:
            is_altered, end = self._is_other_body or self._is_other_capture, ""
        return f"the {self.name}'s capture was altered{end}" if is_altered else None

    @property
    def sound_digest(self) -> str | None:
        """The digest of an unaltered capture. Later deliveries are not compared with an altered
        one.
        """
        return None if self.problem else self.digest

    @property
    def _is_other_body(self) -> bool:
        whole = self.stored is not None and not self.stored.is_partial
        return whole and self.relayed_sha256 not in {None, self.body_sha256}

    @property
    def _is_other_capture(self) -> bool:
        return self.first_digest not in {None, self.digest}
