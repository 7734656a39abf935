"""The rules that settings make for an exchange."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeRules:
    """The rules of an exchange. RelayContext makes them of the settings."""

    error_frames: bool  # a failure within a stream is reported in the stream
    keep_alive: bool  # silences of a stream are bridged with comments
    drain: bool  # after a disconnect the response is read on
    drain_bytes: int  # how much of it
    capture_required: bool  # the client gets the response's end when both captures are stored
