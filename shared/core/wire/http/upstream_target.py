"""The target of the upstream's request: the caller's path and query, without what is not meant for
the upstream.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

from shared.core.wire.http.forwarding_rules import QUERY, matcher

_QUERY_MATCHER: Final = matcher(QUERY)


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


def _parameter_name(parameter: bytes) -> bytes:
    name = parameter.partition(b"=")[0].decode("latin-1")
    return unquote_plus(name).strip().lower().encode("utf-8", "replace")
