"""The proxy's treatment of headers and query parameters, in each direction: tables, every row with
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

from shared.core.wire.http.headers import EXCHANGE_ID_HEADER


class ForwardingAction(StrEnum):
    """The proxy's treatment of a header or a query parameter."""

    DROP = "drop"
    REPLACE = "replace"  # the proxy's own takes its place
    REWRITE = "rewrite"  # its value is changed


@dataclass(frozen=True, kw_only=True, slots=True)
class ForwardingRule:
    """One row. `name` is lower-case; a trailing `*` stands for any ending."""

    name: str
    action: ForwardingAction
    reason: str


def _rules(action: ForwardingAction, reason: str, *names: str) -> tuple[ForwardingRule, ...]:
    return tuple(ForwardingRule(name=name, action=action, reason=reason) for name in names)


_HOP_BY_HOP: Final = _rules(
    ForwardingAction.DROP,
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

REQUEST_HEADERS: Final[tuple[ForwardingRule, ...]] = (
    *_HOP_BY_HOP,
    *_rules(
        ForwardingAction.REPLACE,
        "names this app, not the upstream; the client library writes the right one",
        "host",
    ),
    *_rules(
        ForwardingAction.REPLACE,
        "the caller's credential; the proxy's own goes upstream",
        "authorization",
        "api-key",
    ),
    *_rules(
        ForwardingAction.DROP,
        "a credential for this app or for APIM",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "subscription-key",
        "cookie",
    ),
    *_rules(
        ForwardingAction.REPLACE,
        "framing: counted again from the body that was received",
        "content-length",
    ),
    *_rules(ForwardingAction.DROP, "the server side has answered it already", "expect"),
    *_rules(
        ForwardingAction.REPLACE,
        "narrowed to what enrichment can decode (a capture that cannot be read is a lost record), and to nothing for a "
        "stream into which the proxy may have to put a comment or an error",
        "accept-encoding",
    ),
    *_rules(
        ForwardingAction.DROP,
        "attribution that APIM sets for this app; nothing of it is meant for the upstream",
        "x-apim-*",
    ),
    *_rules(
        ForwardingAction.DROP,
        "what this app records of the content (core/content); it means nothing to the upstream",
        "x-fnsse-content",
    ),
    *_rules(
        ForwardingAction.DROP,
        "the host's own",
        "x-ms-invocation-id",
        "x-original-url",
        "x-original-host",
        "x-ms-original-url",
    ),
    *_rules(
        ForwardingAction.DROP, "names another path to servers that rewrite URLs", "x-rewrite-url"
    ),
    *_rules(
        ForwardingAction.DROP,
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
        ForwardingAction.DROP,
        "an identity that Azure's front end vouches for; of no meaning, or a token, elsewhere",
        "x-ms-client-principal*",
        "x-ms-token-aad-*",
        "x-ms-auth-*",
    ),
)

RESPONSE_HEADERS: Final[tuple[ForwardingRule, ...]] = (
    *_HOP_BY_HOP,
    *_rules(
        ForwardingAction.REPLACE,
        "every server writes its own; two would be ambiguous",
        "date",
        "server",
    ),
    *_rules(
        ForwardingAction.REPLACE,
        "the exchange's identity is this proxy's to give",
        EXCHANGE_ID_HEADER,
    ),
    *_rules(
        ForwardingAction.DROP,
        "reports which account of a pool answered: it is for the event, not for the client",
        "x-fnsse-backend-*",
    ),
)

# Response headers whose values are changed.
REWRITTEN: Final[tuple[ForwardingRule, ...]] = (
    *_rules(
        ForwardingAction.REWRITE,
        "where it names the upstream's own address, its path alone is sent: a client that followed it would leave the gateway, "
        "and the path leads back through it",
        "location",
        "content-location",
        "operation-location",
        "azure-asyncoperation",
    ),
    *_rules(
        ForwardingAction.REWRITE,
        "a byte above 0x7F is percent-encoded, in `filename` as RFC 8187 has it: the Functions host sends such a header as an "
        "empty 500 (only ASCII is portable, RFC 9110, 5.5)",
        "*",
    ),
)

QUERY: Final[tuple[ForwardingRule, ...]] = (
    *_rules(ForwardingAction.DROP, "a function key of this app", "code"),
    *_rules(ForwardingAction.DROP, "a key of APIM", "subscription-key"),
)


def matcher(rules: Iterable[ForwardingRule]) -> re.Pattern[bytes]:
    """The pattern that matches the names of these rows, whole."""
    names = (re.escape(rule.name).replace(r"\*", ".*") for rule in rules)
    return re.compile("|".join(names).encode(), re.IGNORECASE | re.DOTALL)
