"""Which of a part's lines the terminal shows, and how. The log files have all of them as they were
printed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

_STAMP: Final = re.compile(r"^\[\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)[.\d]*Z\] ?")

# func prints its whole configuration as JSON at each start, four lines for each request, and the
# headers of each storage answer that is no success (it looks for containers before it creates
# them). Reconcile looks at 48 hours, most of which are empty here.
_JSON_DUMP: Final = re.compile(r'\s*("[^"]*"(:|,?$)|[{}\[\]]+,?$)')
_CHATTER: Final = re.compile(
    r"\w+Options$|Execut(ing|ed) HTTP request|Executing '|Executed 'Functions\.health"
    r"|Executed 'Functions\.(reconcile(_(timer|why_not_now|open_windows|window))?|replay(_page)?)' \(Succeeded"
    r"|Completeness of \S+: \{'window': '\S+', 'captured': 0, 'delivered': 0,"
    r"|Reading |Loading |Looking for |Found a matching |Fetching |Initializing |Starting |Script Startup |LoggerFilter"
    r"|Azurite \w+ service (is starting|is closing|successfully closed)"
    r"|Trigger Details: |Host lock lease |For detailed output"
    r"|Building host|Host (configuration|initializ)|Worker indexing|Generating |Running in offline mode|When you have network"
    r"|Error response \[|(Server|Date|Connection|Keep-Alive|Transfer-Encoding|Content-Type|x-ms-[a-z-]+):\S"
)

_FAILED: Final = re.compile(r"(?:ERROR: )?Executed 'Functions\.enrichment' \(Failed")
_NEXT: Final = re.compile(r"\w+: Executed '|Executed '")
# The embedded host ends its traceback with it; func says it before the traceback, which ends with a
# line that is a dot.
_UNDELIVERED: Final = re.compile(
    r"(?P<ahead>Exception: )?(?:shared\.errors\.)?DeliveryError: (?P<why>.+)"
)
# a host writes a failure at once; what is no DeliveryError by then is shown as it is
_WHOLE_WITHIN_S: Final = 0.5


def readable(line: str) -> str | None:
    """The line as the terminal shows it: the date cut off its time stamp; None for one that only a
    log file needs.
    """
    stamp = _STAMP.match(line)
    text = line[stamp.end() :] if stamp else line
    if not text.strip() or _JSON_DUMP.match(text) or _CHATTER.match(text):
        return None
    return f"{stamp.group(1)} {text}" if stamp else text


class Selection:
    """The lines of one part. A failure to deliver to the Event Hub, which the queue repeats, is one
    line instead of fifty.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # the lines of a failed enrichment whose reason has not come yet
        self._failure: list[str] = []
        self._failed_at = 0.0
        self._inside_traceback = False  # of a failure that was shown

    def shown(self, line: str) -> list[str]:
        """What to show now that the part printed `line`; it may be nothing, or lines that were kept
        back.
        """
        stamp = _STAMP.match(line)
        text = line[stamp.end() :] if stamp else line
        if self._inside_traceback:
            self._inside_traceback = text.strip() != "." and not _NEXT.match(text)
            if not _NEXT.match(text):
                return []
        if _FAILED.match(text):
            before, self._failure, self._failed_at = self.kept_back(), [line], self._clock()
            return before
        if not self._failure:
            return _readable([line])
        return self._within_failure(line, text)

    def overdue(self) -> list[str]:
        """What was kept back for longer than a host takes to print a failure."""
        return (
            self.kept_back()
            if self._failure and self._clock() - self._failed_at > _WHOLE_WITHIN_S
            else []
        )

    def kept_back(self) -> list[str]:
        """All that was kept back."""
        lines, self._failure = self._failure, []
        return _readable(lines)

    def _within_failure(self, line: str, text: str) -> list[str]:
        undelivered = _UNDELIVERED.match(text)
        if undelivered:
            heading, self._failure = self._failure[0], []
            self._inside_traceback = undelivered["ahead"] is not None
            stamp = _STAMP.match(heading)
            at = f"{stamp.group(1)} " if stamp else ""
            return [
                f"{at}enrichment failed, the queue delivers its message again: {undelivered['why']}"
            ]
        if _NEXT.match(text):
            return self.kept_back() + _readable([line])
        self._failure.append(line)
        return []


def _readable(lines: list[str]) -> list[str]:
    return [shown for line in lines if (shown := readable(line)) is not None]
