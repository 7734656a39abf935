"""The states of an exchange.

    RECEIVING ──request_ready──► CALLING ──early_response_due──► EARLY
                                    │ upstream_answered           │ upstream_answered
                                    ▼                             ▼          ▼
                                STREAMING ◄──────── as promised ──┘      COLLECTING
                                    │ client_disconnected                    │   (anything else is
                                    ▼ (drains)                               │    to become an
                                 DRAINING ◄──────────────────────────────────┘    error)

    From each of these the exchange ends once, with one conclusion. What ends it:

    upstream_ended, upstream_failed, deadline_passed      (COMPLETED, TIMED_OUT, …)
    request_line_rejected, body_rejected, request_broken_off, client_disconnected, cancelled,
    internal_error

                    ┌─ COMPLETED, and the captures have to be stored ──► HOLDING
        the end ────┤                                                      │ captures_stored,
                    │                                                      │ captures_failed,
                    │                                                      │ client_disconnected,
                    └─ otherwise ─► RECORDING ──recording_over──► DONE ◄───┘ cancelled

RECEIVING   the client's request is read, and stored if it has to be
CALLING     the request goes upstream (its body may still be passing); the client has nothing yet
EARLY       the client was answered before the upstream did: it was promised a stream, or JSON
STREAMING   the upstream's response goes to the client, piece by piece
COLLECTING  after an early response another response came than the promised one
DRAINING    the client has disconnected; the response is read on for its usage
HOLDING     the response is whole; the client does not get its end before it is stored
RECORDING   the conclusion is known; the recorder records it
DONE        the response has ended, or was broken off

Once there is a conclusion, whatever the upstream or the clock still bring is ignored: they race
with it. An input that can have no cause in a state (a piece of a response before its headers)
raises ExchangeStateError.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class State(Enum):
    """The state of an exchange; this module's docstring draws them all."""

    RECEIVING = auto()
    CALLING = auto()
    EARLY = auto()
    STREAMING = auto()
    COLLECTING = auto()
    DRAINING = auto()
    HOLDING = auto()
    RECORDING = auto()
    DONE = auto()


# The exchange has a conclusion.
ENDED: Final = frozenset({State.HOLDING, State.RECORDING, State.DONE})
# Pieces of the upstream's response may come.
RESPONDING: Final = frozenset({State.STREAMING, State.COLLECTING, State.DRAINING})
# Nothing was sent to the client yet: a failure can still have a status of its own.
UNANSWERED: Final = frozenset({State.RECEIVING, State.CALLING})
