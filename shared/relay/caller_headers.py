"""The caller that a request's headers name, and the content mode that follows from it.

API Management sets the `x-apim-…` headers, and overrides those that a caller sends.
"""

from __future__ import annotations

from typing import Final

from shared.core.content import decision
from shared.core.content.decision import ContentDecision
from shared.core.content.policy import ContentPolicy
from shared.core.records.exchange.envelope import Caller, bound_text
from shared.core.wire.http.headers import RawHeaders, header

_CONTENT_MODE_HEADER: Final = decision.CONTENT_MODE_HEADER.encode()
_SUBSCRIPTION: Final = b"x-apim-subscription-id"
_PRODUCT: Final = b"x-apim-product-id"
_USER: Final = b"x-apim-user-id"
_TEAM: Final = b"x-apim-team"


def caller(headers: RawHeaders) -> Caller:
    """The caller, as API Management reports it."""

    def value(name: bytes) -> str | None:
        return bound_text(header(headers, name) or None)

    return Caller(
        subscription=value(_SUBSCRIPTION),
        product=value(_PRODUCT),
        user=value(_USER),
        request_id=value(b"x-apim-request-id"),
        api=value(b"x-apim-api-id"),
        team=value(_TEAM),
    )


def content_decision(
    policy: ContentPolicy, headers: RawHeaders, deployment: str | None
) -> ContentDecision:
    """The content mode of an exchange that begins. `deployment`: as the path names it."""
    subject = {
        "product": header(headers, _PRODUCT),
        "subscription": header(headers, _SUBSCRIPTION),
        "user": header(headers, _USER),
        "team": header(headers, _TEAM),
        "deployment": deployment,
    }
    requested_modes = [
        value.decode("latin-1") for name, value in headers if name.lower() == _CONTENT_MODE_HEADER
    ]
    return decision.decide(policy, subject, requested_modes)
