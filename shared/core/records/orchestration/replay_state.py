"""The values that the orchestration of a replay passes on: its state, the input and the result of
each step. Durable stores them as JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Self

from shared.core.records.operator.replay_request import ReplayRequest
from shared.core.records.orchestration.durable_value import DurableValue
from shared.core.wire.json.json_shape import JsonObject


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayPage(DurableValue):
    """The result of one step of a replay."""

    queued: int
    unreadable: int  # corrupt captures, which no replay can deliver
    marker: str | None  # where the next page begins; None: the window is done
    waiting: str | None  # why nothing was queued: live work, or the Event Hub is not ready
    # erased by an operator or by retention, or redacted, so that the bodies are erased
    erased: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayState(DurableValue):
    """The progress of a replay. The orchestration has it as its input, and so can continue as
    new.
    """

    replay: JsonObject  # ReplayRequest.to_json
    windows: tuple[str, ...]  # all windows of the replay
    done: int = 0  # finished windows
    marker: str | None = None  # where the next page of the current window begins
    queued: int = 0
    unreadable: int = 0
    erased: int = 0

    @classmethod
    def of(cls, request: ReplayRequest) -> Self:
        """The state at the beginning of a replay."""
        return cls(replay=request.to_json(), windows=tuple(request.windows()))

    def to_json(self) -> JsonObject:
        """The input of the orchestration `replay`."""
        return {**asdict(self), "windows": [*self.windows]}

    @property
    def finished(self) -> bool:
        """Whether every window is done."""
        return self.done == len(self.windows)

    def after(self, page: ReplayPage) -> Self:
        """The state once this page is queued."""
        return replace(
            self,
            done=self.done + (page.marker is None),
            marker=page.marker,
            queued=self.queued + page.queued,
            unreadable=self.unreadable + page.unreadable,
            erased=self.erased + page.erased,
        )

    def progress(self) -> dict[str, int]:
        """The orchestration's custom status, and its output."""
        return {
            "windows_done": self.done,
            "windows_total": len(self.windows),
            "queued": self.queued,
            "unreadable": self.unreadable,
            "erased": self.erased,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PageInput(DurableValue):
    """The input of the activity `replay_page`."""

    instance: str
    replay: JsonObject  # ReplayRequest.to_json
    window: str
    marker: str | None

    @classmethod
    def next_of(cls, instance: str, state: ReplayState) -> Self:
        """The next page of a replay. `instance` is the orchestration's id."""
        return cls(
            instance=instance,
            replay=state.replay,
            window=state.windows[state.done],
            marker=state.marker,
        )
