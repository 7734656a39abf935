"""Stores the captures of an exchange. A capture that could not be stored is logged and counted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from shared.concurrency.cooperative import run_cooperatively
from shared.core.event import answer_notes
from shared.core.records.exchange import captured_headers
from shared.core.records.exchange.envelope import Envelope
from shared.core.wire.json.json_shape import JsonObject
from shared.errors import StorageError
from shared.ports.captures import CaptureUploads
from shared.relay import capture_headers
from shared.relay.body_writer import BodyWriter
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.recording_failures import RecordingFailures, log_not_stored

_log = logging.getLogger("fnsse.recording")


class CaptureRecorder:
    """Stores captures; never raises."""

    def __init__(
        self,
        *,
        store: CaptureUploads,
        copied_headers: frozenset[str],
        failures: RecordingFailures,
        storage_answered: Callable[[], None],
    ) -> None:
        """`copied_headers`: request headers that the operator wants in events. `failures` counts
        what could not be stored. `storage_answered` is called when something was stored.
        """
        self._store = store
        self._copied_headers = frozenset(map(str.encode, copied_headers))
        self._failures = failures
        self._storage_answered = storage_answered

    def put_placeholder(self, observation: ExchangeObservation) -> None:
        """Leave a trace of a request whose body takes its time: a placeholder, which its capture
        replaces.
        """
        observation.request.body.put_placeholder(
            capture_headers.of_request(observation, self._copied_headers, partial=True)
        )

    async def put_request(self, observation: ExchangeObservation) -> bool:
        """Store the request capture; False if it is not stored."""
        await observation.request.body.compute_hash()
        preamble = capture_headers.of_request(observation, self._copied_headers)
        stored = await self._put_capture(
            observation.request.body, preamble, "request capture", observation
        )
        self._failures.request_captures += not stored
        return stored

    async def put_response(self, observation: ExchangeObservation, envelope: Envelope) -> bool:
        """Store the response capture, with the envelope; False if it is not stored."""
        headers = captured_headers.of_response(observation.response.headers)
        notes = await self._answer_notes(observation, envelope, headers)
        preamble = capture_headers.of_response(observation, envelope, headers, notes)
        stored = await self._put_capture(
            observation.response.body, preamble, "response capture", observation
        )
        self._failures.response_captures += not stored
        return stored

    async def erase_request(self, observation: ExchangeObservation) -> None:
        """Erase what storage holds of a rejected request."""
        try:
            await observation.request.body.erase()
        except StorageError as error:
            _log.warning(
                "What is stored of the rejected request of exchange %s could not be erased: %s",
                observation.exchange_id,
                error,
            )

    async def _answer_notes(
        self, observation: ExchangeObservation, envelope: Envelope, headers: dict[str, str]
    ) -> JsonObject:
        """The notes in the capture's header about an answer that is not stored."""
        body = observation.response.body.unstored_body
        if body is None:
            return {}
        steps = answer_notes.members_steps(body, headers, envelope)
        try:
            return await run_cooperatively(steps)
        # A bug in reading an answer must not cost the exchange its record.
        except Exception as error:  # noqa: BLE001
            _log.error(
                "The response of exchange %s could not be read: %s",
                observation.exchange_id,
                type(error).__name__,
            )
            return {}

    async def _put_capture(
        self,
        writer: BodyWriter,
        preamble: bytes,
        record_kind: str,
        observation: ExchangeObservation,
    ) -> bool:
        """Whether the capture is stored; the log says why not."""
        try:
            stored = await writer.close(preamble)
        except StorageError as error:
            stored = await self._is_stored(writer.name, preamble, error)
            reason = str(error)
        else:
            reason = "the captures that wait for their store have reached CAPTURE_MEMORY_MB"
        if stored:
            self._storage_answered()
        else:
            log_not_stored(record_kind, observation.exchange_id, reason)
        return stored

    async def _is_stored(self, name: str, preamble: bytes, error: StorageError) -> bool:
        """Whether a call that failed was carried out although its response was lost. What is
        stored may be the placeholder, which begins differently.
        """
        if error.status is not None and error.status < 500:
            return False
        try:
            return await self._store.begins_with(name, preamble)
        except StorageError:
            return False
