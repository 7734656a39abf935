"""What the proxy forwards in each direction: tables of headers and query parameters, every row with
its reason.

What no row names passes unchanged. Names are compared without regard to case (RFC 9110, 5.1). Names
of query parameters are percent-decoded first, as the upstream would read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote, unquote_plus

from shared.core.wire.headers import RawHeaders


class Action(StrEnum):
    """What the proxy does with a header or a query parameter."""

    DROP = "drop"
    REPLACE = "replace"  # the proxy's own takes its place
    REWRITE = "rewrite"  # its value is changed


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One row. `name` is lower-case; a trailing `*` stands for any ending."""

    name: str
    action: Action
    why: str


def _rules(action: Action, why: str, *names: str) -> tuple[Rule, ...]:
    return tuple(Rule(name=name, action=action, why=why) for name in names)


_HOP_BY_HOP: Final = _rules(
    Action.DROP,
    "belongs to one connection, not to the message (RFC 9110, 7.6.1)",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)

REQUEST_HEADERS: Final[tuple[Rule, ...]] = (
    *_HOP_BY_HOP,
    *_rules(
        Action.REPLACE,
        "names this app, not the upstream; the client library writes the right one",
        "host",
    ),
    *_rules(
        Action.REPLACE,
        "the caller's credential; the proxy's own goes upstream",
        "authorization",
        "api-key",
    ),
    *_rules(
        Action.DROP,
        "a credential for this app or for APIM",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "subscription-key",
        "cookie",
    ),
    *_rules(
        Action.REPLACE, "framing: counted again from the body that was received", "content-length"
    ),
    *_rules(Action.DROP, "the server side has answered it already", "expect"),
    *_rules(
        Action.REPLACE,
        "narrowed to what enrichment can decode (a capture that cannot be read is a lost record), and to nothing for a "
        "stream into which the proxy may have to put a comment or an error",
        "accept-encoding",
    ),
    *_rules(
        Action.DROP,
        "attribution that APIM sets for this app; nothing of it is meant for the upstream",
        "x-apim-*",
    ),
    *_rules(
        Action.DROP,
        "the host's own",
        "x-ms-invocation-id",
        "x-original-url",
        "x-original-host",
        "x-ms-original-url",
    ),
    *_rules(Action.DROP, "names another path to servers that rewrite URLs", "x-rewrite-url"),
    *_rules(
        Action.DROP,
        "added on the way to this app; it describes that hop and the network before it",
        "x-forwarded-*",
        "forwarded",
        "via",
        "x-real-ip",
        "client-ip",
        "disguised-host",
        "max-forwards",
        "was-default-hostname",
        "x-arr-*",
        "x-waws-*",
        "x-appservice-proto",
        "x-site-deployment-id",
        "x-client-ip",
        "x-client-port",
        "x-azure-*",
        "x-fd-*",
    ),
    *_rules(
        Action.DROP,
        "an identity that Azure's front end vouches for; of no meaning, or a token, elsewhere",
        "x-ms-client-principal*",
        "x-ms-token-aad-*",
        "x-ms-auth-*",
    ),
)

RESPONSE_HEADERS: Final[tuple[Rule, ...]] = (
    *_HOP_BY_HOP,
    *_rules(
        Action.REPLACE, "every server writes its own; two would be ambiguous", "date", "server"
    ),
    *_rules(Action.REPLACE, "the exchange's identity is this proxy's to give", "x-exchange-id"),
    *_rules(
        Action.DROP,
        "reports which account of a pool answered: it is for the event, not for the client",
        "x-fnsse-backend-*",
    ),
)

# Response headers whose values are changed.
REWRITTEN: Final[tuple[Rule, ...]] = (
    *_rules(
        Action.REWRITE,
        "where it names the upstream's own address, its path alone is sent: a client that followed it would leave the gateway, "
        "and the path leads back through it",
        "location",
        "content-location",
        "operation-location",
        "azure-asyncoperation",
    ),
    *_rules(
        Action.REWRITE,
        "a byte above 0x7F is percent-encoded, in `filename` as RFC 8187 has it: the Functions host sends such a header as an "
        "empty 500 (only ASCII is portable, RFC 9110, 5.5)",
        "*",
    ),
)

QUERY: Final[tuple[Rule, ...]] = (
    *_rules(Action.DROP, "a function key of this app", "code"),
    *_rules(Action.DROP, "a key of APIM", "subscription-key"),
)

# Content codings that enrichment can decode with the standard library.
READABLE_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate", "identity"})


def _matcher(rules: Iterable[Rule]) -> re.Pattern[bytes]:
    names = (re.escape(rule.name).replace(r"\*", ".*") for rule in rules)
    return re.compile("|".join(names).encode(), re.IGNORECASE | re.DOTALL)


_REQUEST_MATCHER: Final = _matcher(REQUEST_HEADERS)
_RESPONSE_MATCHER: Final = _matcher(RESPONSE_HEADERS)
_QUERY_MATCHER: Final = _matcher(QUERY)
_ADDRESS_MATCHER: Final = _matcher(rule for rule in REWRITTEN if rule.name != "*")
_FILENAME: Final = re.compile(rb'(?i:(;\s*filename)\s*=\s*)(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')


def request_headers(
    received: Iterable[tuple[bytes, bytes]], own: RawHeaders, *, uncoded: bool = False
) -> RawHeaders:
    """The headers for the upstream: what passes of `received`, then the proxy's `own`.

    `uncoded` asks for an answer without content coding. Headers that the caller's `Connection`
    header names belong to its connection and are dropped (RFC 9110, 7.6.1).
    """
    pairs = list(received)
    named = _named_by_connection(pairs)
    passing = [
        (name, value)
        for name, value in pairs
        if not _REQUEST_MATCHER.fullmatch(name) and name.lower() not in named
    ]
    codings = [value for name, value in pairs if name.lower() == b"accept-encoding"]
    if codings and not uncoded:
        passing.append((b"accept-encoding", _readable(b",".join(codings))))
    else:  # no header means "anything goes" (RFC 9110, 12.5.3)
        passing.append((b"accept-encoding", b"identity"))
    return passing + own


def response_headers(
    received: Iterable[tuple[bytes, bytes]], exchange_id: str, *, unsized: bool = False
) -> RawHeaders:
    """The headers for the client: what passes of the upstream's, and the exchange's id.

    `unsized` drops Content-Length, because the proxy may add to a stream or take something out.
    """
    pairs = list(received)
    named = _named_by_connection(pairs)
    dropped = named | {b"content-length"} if unsized else named
    passing = [
        (name.lower(), value if value.isascii() else _in_ascii(name, value))
        for name, value in pairs
        if not _RESPONSE_MATCHER.fullmatch(name) and name.lower() not in dropped
    ]
    return [*passing, (b"x-exchange-id", exchange_id.encode())]


def upstream_addresses(host: str, port: int | None, prefix: bytes) -> re.Pattern[bytes]:
    """What matches the beginning of an absolute URL that names the upstream, up to its path.

    `port` is None for the scheme's own. `prefix` is the path that AZURE_OPENAI_BASE_URL adds to
    each call.
    """
    ports = f":{port}" if port else "(?::443|:80)?"
    authority = re.escape(f"[{host}]" if ":" in host else host) + ports
    return re.compile(
        b"(?i:https?://" + authority.encode() + b")(?:" + re.escape(prefix) + b")?(?=/[^/])"
    )


def without_upstream(
    received: Iterable[tuple[bytes, bytes]], addresses: re.Pattern[bytes]
) -> RawHeaders:
    """The response headers, with the path alone where one names the upstream's address."""
    return [
        (name, addresses.sub(b"", value, count=1) if addresses.match(value) else value)
        if _ADDRESS_MATCHER.fullmatch(name)
        else (name, value)
        for name, value in received
    ]


def upstream_path(raw_path: bytes) -> bytes:
    """The path as the caller meant it.

    The Functions host decodes a path once and encodes it again. It leaves encoded what it cannot
    decode: a slash, and bytes that are not UTF-8, so that `%2F` arrives as `%252F` and `%FC` as
    `%25FC`. `%252F` itself arrives in the same form; `%2F` is the one that callers use.
    """
    path = re.sub(rb"%252F", b"%2F", raw_path, flags=re.IGNORECASE)
    path = re.sub(rb"(?:%25[89A-F][0-9A-F])+", _undecodable, path, flags=re.IGNORECASE)
    return _encode_for_request_line(path)


def upstream_query(raw_query: bytes, default_api_version: str | None) -> bytes:
    """The query as it came, without credentials. If `api-version` is missing, the default is
    added, if there is one.
    """
    parameters = raw_query.split(b"&") if raw_query else []
    parameters = [
        parameter
        for parameter in parameters
        if not _QUERY_MATCHER.fullmatch(_parameter_name(parameter))
    ]
    if default_api_version and not any(
        _parameter_name(parameter) == b"api-version" for parameter in parameters
    ):
        parameters.append(b"api-version=" + default_api_version.encode())
    return _encode_for_request_line(b"&".join(parameters))


def query_value(raw_query: bytes, name: bytes) -> str | None:
    """The decoded value of the first parameter of that name, or None."""
    for parameter in raw_query.split(b"&"):
        if _parameter_name(parameter) == name:
            return unquote_plus(parameter.partition(b"=")[2].decode("latin-1"))
    return None


def _encode_for_request_line(target: bytes) -> bytes:
    """The target with characters percent-encoded that a request line must not hold (RFC 9112, 3.2;
    RFC 3986, 2).
    """
    return re.sub(rb"[^\x21-\x7e]|#", lambda byte: b"%%%02X" % byte[0][0], target)


def _undecodable(escapes: re.Match[bytes]) -> bytes:
    """`%25FC` -> `%FC`. Escapes that are UTF-8 stay: the host would have decoded them, so that the
    caller encoded them twice. 0xC0 and 0xC1 stay, because servers exist that read `%C0%AE` as a
    dot.
    """
    once = escapes[0].replace(b"%25", b"%")
    data = bytes.fromhex(once.replace(b"%", b"").decode())
    may_be_text = data.decode("utf-8", "ignore") or {0xC0, 0xC1} & set(data)
    return escapes[0] if may_be_text else once


def _in_ascii(name: bytes, value: bytes) -> bytes:
    """The header's value with bytes above 0x7F percent-encoded."""
    if name.lower() == b"content-disposition" and b"filename*" not in value.lower():
        value = _FILENAME.sub(_extended, value)
    return re.sub(rb"[^\x00-\x7f]", lambda byte: b"%%%02X" % byte[0][0], value)


def _extended(filename: re.Match[bytes]) -> bytes:
    """`; filename="Z\xc3\xbcrich"` -> `; filename*=UTF-8''Z%C3%BCrich` (RFC 6266, RFC 8187)."""
    quoted = filename[2]
    text = re.sub(rb"\\(.)", rb"\1", quoted) if quoted is not None else filename[3]
    if text.isascii():
        return filename[0]
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        decoded = text.decode("latin-1")
    return filename[1] + b"*=UTF-8''" + quote(decoded, safe="!#$&+^`|").encode()


def _parameter_name(parameter: bytes) -> bytes:
    name = parameter.partition(b"=")[0].decode("latin-1")
    return unquote_plus(name).strip().lower().encode("utf-8", "replace")


def _named_by_connection(pairs: list[tuple[bytes, bytes]]) -> frozenset[bytes]:
    values = (value for name, value in pairs if name.lower() == b"connection")
    names = frozenset(token.strip().lower() for value in values for token in value.split(b","))
    return names - {b"close", b"keep-alive"}


def _readable(accepted: bytes) -> bytes:
    """`gzip, br;q=0.5` -> `gzip`: the codings that enrichment can decode, or else `identity`."""
    items = [item.strip() for item in accepted.split(b",")]
    codings = [
        item
        for item in items
        if item.partition(b";")[0].strip().lower().decode("latin-1") in READABLE_CODINGS
    ]
    return b", ".join(codings) or b"identity"
