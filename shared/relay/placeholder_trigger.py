"""Decides when a request whose body arrives needs a placeholder in the place of its capture."""

from __future__ import annotations

from shared.relay.capture_writer import BLOCK_BYTES
from shared.relay.exchange_observation import ExchangeObservation
from shared.relay.recorder import Recorder


class PlaceholderTrigger:
    """Takes the pieces of a request's body into its capture, and has a placeholder stored, once, if
    the capture will not be stored soon: the body is long, or not whole yet.

    A placeholder is stored before the first block is uploaded, because no listing shows blocks
    alone.
    """

    def __init__(
        self,
        observation: ExchangeObservation,
        recorder: Recorder,
        *,
        announced_bytes: int | None,
        placeholder_bytes: int,
    ) -> None:
        """`announced_bytes`: the body's size as its header states it; None: it does not.
        `placeholder_bytes`: the size from which on a body that is not whole yet has a placeholder.
        """
        self._observation = observation
        self._recorder = recorder
        self._announced_bytes = announced_bytes
        self._placeholder_bytes = placeholder_bytes
        self._is_due = True

    def add(self, piece: bytes) -> None:
        """Add a piece to the capture."""
        self._observation.request.body.write(piece)
        if self._is_due and self._is_late(self._observation.request.body.size):
            self._is_due = False
            self._recorder.request_arriving(self._observation)

    def _is_late(self, size: int) -> bool:
        """Whether the capture of a body that has come so far will not be stored soon."""
        return size >= self._placeholder_bytes and (
            size >= BLOCK_BYTES or size != self._announced_bytes
        )
