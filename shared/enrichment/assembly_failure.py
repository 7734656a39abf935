"""Reports a failure in building an event, without the text of its exception: that may quote the
prompt or the answer.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Final

# The text that `describe_failure` returns.
_DESCRIPTION: Final = re.compile(r"\w{1,80} at [\w.]{1,200}:\d{1,6}", re.ASCII)


def describe_failure(error: BaseException) -> str:
    """`KeyError at shared.core.answer.chat:57`: the exception's type and its innermost frame. Never
    its text, which may quote the prompt or the answer.
    """
    return f"{type(error).__name__} at {_innermost_frame(error.__traceback__)}"


def reported_failure(errors: bytes) -> str:
    """The last line of what a child wrote, if it reports a failure in fixed words."""
    last_line = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return last_line if _DESCRIPTION.fullmatch(last_line) else "no reason was reported"


def _innermost_frame(traceback: TracebackType | None) -> str:
    if traceback is None:
        return "unknown:0"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    names = traceback.tb_frame.f_globals
    # A child's main program is __main__; its spec knows its name.
    module = getattr(names.get("__spec__"), "name", None) or names.get("__name__", "unknown")
    return f"{module}:{traceback.tb_lineno}"
