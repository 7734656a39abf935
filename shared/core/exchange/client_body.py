"""The bytes of the response that may go to the client."""

from __future__ import annotations

from typing import Final

from shared.core.wire.steps import Cooperative
from shared.core.wire.stream.held_end import HeldEnd
from shared.core.wire.stream.stream_end import LONGEST_EVENT_END, ends_event
from shared.core.wire.stream.usage_chunk import UsageChunkFilter

_BOUNDARY: Final = b"\n\n"


class ClientBody:
    """The response's body on its way to the client. Feed it the upstream's pieces and send what it
    returns.

    It takes out the usage chunk that the client did not ask for, and holds back the very end of the
    response until its capture is stored (CAPTURE_POLICY=required).
    """

    def __init__(self, *, is_stream: bool, holds_back: bool) -> None:
        self.is_stream = is_stream  # SSE without a content coding: a comment may be put in
        self._filter: UsageChunkFilter | None = None
        self._held_back = HeldEnd() if holds_back else None
        # the last bytes sent, as many as an event can end with; a body begins at a boundary
        self._last_bytes = _BOUNDARY

    def drop_usage_chunk(self) -> None:
        """Drop the usage chunk from now on."""
        self._filter = UsageChunkFilter()

    def feed(self, piece: bytes) -> bytes:
        """The bytes to send now; maybe none. Called for every piece of every stream."""
        if self._filter is not None:
            piece = self._filter.feed(piece)
        # `_pass`, written out: a call more costs every piece of every stream
        if self._held_back is not None:
            piece = self._held_back.feed(piece, is_stream=self.is_stream)
        # 4 is LONGEST_EVENT_END, written out for the same reason
        self._last_bytes = piece[-4:] if len(piece) >= 4 else (self._last_bytes + piece)[-4:]
        return piece

    def feed_steps(self, piece: bytes) -> Cooperative[bytes]:
        """Do what `feed` does, for a piece longer than SLICE_BYTES: with a pause between slices."""
        if self._filter is not None:
            piece = yield from self._filter.feed_steps(piece)
        return self._pass(piece)

    def flush(self) -> bytes:
        """The bytes that waited for the end of their event when the response ended."""
        rest = self._filter.flush() if self._filter is not None else b""
        self._filter = None
        return self._pass(rest)

    def release(self) -> bytes:
        """The end of the response that was held back."""
        held_end = self._held_back.held if self._held_back is not None else b""
        self._held_back = None
        return self._pass(held_end)

    @property
    def drops_usage_chunk(self) -> bool:
        """Whether pieces are parsed: a long one takes its time (`feed_steps`)."""
        return self._filter is not None

    @property
    def is_whole(self) -> bool:
        """Whether what was fed so far can be all of the response."""
        return True

    @property
    def held_bytes(self) -> int:
        """The number of bytes of the response that are held back."""
        return len(self._held_back.held) if self._held_back is not None else 0

    @property
    def at_event_boundary(self) -> bool:
        """Whether something may be put between the events of a stream here."""
        return self.is_stream and ends_event(self._last_bytes)

    @property
    def has_output(self) -> bool:
        """Whether anything of the response may have been sent."""
        return len(self._last_bytes) > len(_BOUNDARY)

    @property
    def before_document(self) -> bool:
        """Whether white space, or an error in the document's place, may be sent here."""
        return False

    def _pass(self, piece: bytes) -> bytes:
        """The bytes to send now, of those that the filter has passed."""
        if self._held_back is not None:
            piece = self._held_back.feed(piece, is_stream=self.is_stream)
        self._last_bytes = (self._last_bytes + piece)[-LONGEST_EVENT_END:]
        return piece
