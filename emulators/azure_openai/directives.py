"""Directives: how a caller controls pace, shape and failure of a response. Pure.

They are written as `key=value; key; ...` (or separated by `,`, because `;` has a meaning in URLs).
A key without a value is `true`. In a deployment's name the directives follow the first `--`:
`gpt-4o--chunk_ms=20,no_finish`. Directives of the header take precedence over those of the
deployment, and these over the defaults of the process.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, get_type_hints

SEPARATOR: Final = "--"


class DirectiveError(ValueError):
    """A directive that does not exist, or has a value of the wrong kind. The message names it."""


@dataclass(frozen=True, kw_only=True)
class Directives:
    """A field for each directive, with the directive's name. "Piece" means one write of the body:
    an SSE event, or what `byte_at_a_time`, `cut` or `gzip` made of them; a JSON body is one piece,
    or ten with an interruption.
    """

    # Pace, in milliseconds.
    headers_ms: int = 0  # wait before the status line and headers
    first_chunk_ms: int = 0  # wait between headers and the first piece
    # wait before each further piece, `[DONE]` included; kept on average, not per piece
    chunk_ms: int = 0

    # Content of the response.
    chunks: int = 20  # words of each choice's text; in a stream, each word is a content chunk
    # bytes of each choice's text instead, spread over `chunks`; 0: as many as the words take
    content_size: int = 0
    cached_tokens: int = 0  # usage.prompt_tokens_details.cached_tokens
    # usage.completion_tokens_details.reasoning_tokens, counted as completion tokens too
    reasoning_tokens: int = 0
    # the model in the response, as with a model router; "": made from the deployment's name
    model: str = ""
    service_tier: str = ""  # a `service_tier` in the response; "": none
    region: str = "North Central US"  # x-ms-region; `region=` leaves the header out
    content_filter: bool = False  # finish_reason `content_filter` inside a 200, after half the text
    # asynchronous filter: chunks without delta, with offsets, one after the finish chunk
    async_filter: bool = False
    refusal: bool = False  # the model refuses: `refusal` instead of `content`
    annotations: bool = False  # the message carries URL citations
    set_cookie: str = ""  # a set-cookie header `stand_in=<value>`
    # x-ms-spillover-from-deployment: <value>, x-ms-spillover-error: 429, x-ms-is-spilled-over: true
    spillover: str = ""
    background_ms: int = 200  # how long a background response stays `in_progress`

    # Layout of the bytes.
    byte_at_a_time: bool = False  # each byte its own piece
    cut: int | None = None  # the body cut at random places; the number is the seed
    crlf: bool = False  # lines of SSE end in CRLF
    cr: bool = False  # lines of SSE end in CR
    bom: bool = False  # a byte order mark before the first event
    comments: bool = False  # an SSE comment before each event, in the same piece
    gzip: bool = False  # content-encoding gzip, where accept-encoding allows it
    chunked: bool = False  # a JSON body without content-length

    # Failures. If there are several interruptions, the one with the smallest N counts. A body with
    # fewer pieces is not interrupted.
    status: int = 200  # an error of this status, in Azure's shape, at once
    # seconds; retry-after, retry-after-ms and x-ms-retry-after-ms of a 429 or 503
    retry_after: int = 0
    empty: bool = False  # no body: content-length 0, or none with status=204
    blocked_prompt: bool = False  # 400 with code content_filter, as for a filtered prompt
    refuse_stream_options: bool = False  # 400 to a request that has stream_options
    silence: bool = False  # no response; the connection stays open
    reset_before_headers: bool = False  # RST instead of a response
    reset_after: int | None = None  # RST after N pieces
    # FIN after N pieces, without the end of the body that HTTP requires
    close_after: int | None = None
    # a clean end of the body after N pieces (of a body with content-length: FIN)
    end_after: int | None = None
    silence_after: int | None = None  # nothing after N pieces; the connection stays open
    no_finish: bool = False  # the stream leaves out finish chunk, usage and [DONE]
    no_done: bool = False  # the stream leaves out [DONE] only
    error_in_200: str = ""  # an error inside a 200: `nested` (also without value) or `flat`
    failed: bool = False  # Responses API: the response ends as `failed`
    error_after: int = 2  # content chunks (deltas) before error_in_200 or failed, in a stream

    def interrupts_body(self) -> bool:
        """Whether a directive interrupts the body."""
        ends = (self.reset_after, self.close_after, self.end_after, self.silence_after)
        return any(end is not None for end in ends)


_KINDS: Final = get_type_hints(Directives)


def parse(text: str, base: Directives | None = None) -> Directives:
    """Read `key=value; key` over `base`. Raises DirectiveError."""
    values: dict[str, bool | int | str] = {}
    for item in text.replace(";", ",").split(","):
        if item.strip():
            key, has_value, value = item.strip().partition("=")
            values[key.strip()] = _read(key.strip(), value.strip() if has_value else None)
    return replace(base or Directives(), **values)  # type: ignore[arg-type]  # each value is of its field's kind: _read


def split_deployment(name: str) -> tuple[str, str]:
    """`gpt-4o--chunk_ms=20` -> (`gpt-4o`, `chunk_ms=20`). Without directives the second part is
    empty.
    """
    deployment, _, text = name.partition(SEPARATOR)
    return deployment, text


def _read(key: str, value: str | None) -> bool | int | str:
    kind = _KINDS.get(key)
    if kind is None:
        raise DirectiveError(f"unknown directive {key!r}; there are: {', '.join(_KINDS)}")
    if kind is bool:
        return _read_flag(key, value)
    if kind is str:
        return _read_word(key, value)
    if value is None or not value.isdecimal():
        raise DirectiveError(f"directive {key} needs a whole number, as in {key}=3")
    return int(value)


def _read_flag(key: str, value: str | None) -> bool:
    if value is None or value in {"true", "1"}:
        return True
    if value in {"false", "0"}:
        return False
    raise DirectiveError(f"directive {key} is true or false, not {value!r}")


def _read_word(key: str, value: str | None) -> str:
    if key == "error_in_200":
        value = value or "nested"
        if value not in {"nested", "flat"}:
            raise DirectiveError(f"directive {key} is nested or flat, not {value!r}")
    if value is None:
        if key == "set_cookie":
            return "1"
        raise DirectiveError(f"directive {key} needs a value, as in {key}=word")
    return value
