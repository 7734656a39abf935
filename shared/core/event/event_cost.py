"""The billed quantities of an exchange, from its parsed captures, and their cost within its event,
for consumers without a place that joins prices.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal

from shared.core.answer.shapes import ParsedAnswer
from shared.core.cost import billing_inputs
from shared.core.cost.billing_inputs import BillingInputs
from shared.core.cost.cost import cost
from shared.core.cost.deployments import DeploymentProfile, Deployments, profile_of
from shared.core.cost.quantities import Quantities
from shared.core.cost.rates import RateCard
from shared.core.event import attribution
from shared.core.event.shape import Event, EventCost
from shared.core.event.sources import EventSources
from shared.core.event.usage import UsageAccount
from shared.core.records.exchange.outcome import Outcome
from shared.core.wire.json.json_shape import JsonObject, short
from shared.core.wire.operations import spec_of


def measure(
    sources: EventSources, account: UsageAccount, outcome: Outcome, deployments: Deployments
) -> Quantities:
    """The quantities of an exchange. `deployments` hold the operator's types of deployments."""
    envelope, answer, headers = sources.envelope, sources.answer, sources.response_headers
    batch = answer.batch
    deployment = (
        envelope.deployment or sources.summary.model or _listed_deployment(answer, deployments)
    )
    spilled_over = attribution.spilled_over(headers)
    profile = _profile(deployments, deployment, headers, spilled_over=spilled_over)
    return billing_inputs.measure_inputs(
        BillingInputs(
            operation=envelope.operation,
            method=envelope.method,
            outcome=outcome,
            upstream_status_code=envelope.upstream_status_code,
            error_code=short((answer.error or {}).get("code")),
            usage=account.usage,
            usage_estimate=asdict(account.estimate) if account.estimate else None,
            usage_repeated=account.repeated,
            model=answer.model,
            served_model=short(headers.get("x-ms-served-model")),
            deployment=deployment,
            deployment_model=profile.model,
            sku=profile.sku,
            zone=profile.zone,
            service_tier=answer.service_tier or spec_of(envelope.operation).service_tier,
            spilled_over=spilled_over,
            prompt=sources.summary.prompt,
            images=_images(sources),
            duration_s=answer.audio.duration_s if answer.audio else None,
            output=list(answer.output or ()),
            pending=billing_inputs.is_pending(answer.background, answer.response_status),
            has_batch_results=batch is not None
            and billing_inputs.has_results(envelope.operation, batch.status, batch.completed),
        )
    )


def with_cost(event: Event, card: RateCard | None) -> Event:
    """The event with its cost by a card; without one, the event as it is."""
    if card is None:
        return event
    ended_at = datetime.fromisoformat(event.timestamp).replace(tzinfo=UTC)
    amounts = cost(event.quantities, card, ended_at)
    return replace(
        event,
        cost=EventCost(
            status=amounts.status,
            amount=None if amounts.amount is None else _text(amounts.amount),
            currency=amounts.currency,
            parts={part: _text(amount) for part, amount in amounts.parts.items()},
            unpriced=amounts.unpriced,
            card=card.version,
        ),
    )


def _listed_deployment(answer: ParsedAnswer, deployments: Deployments) -> str | None:
    """The deployment that the model of an answer names, if the request names none, as a poll does;
    None if the operator lists no deployment of that name. It may be the name of a model then.
    """
    return answer.model if answer.model and answer.model.lower() in deployments else None


def _profile(
    deployments: Deployments,
    deployment: str | None,
    headers: dict[str, str],
    *,
    spilled_over: bool | None,
) -> DeploymentProfile:
    """The profile of the deployment that answered: another one if the traffic spilled over."""
    answering = headers.get("x-ms-deployment-name", "").lower()
    if spilled_over and answering in deployments:
        return deployments[answering]
    return profile_of(deployments, deployment)


def _images(sources: EventSources) -> JsonObject | None:
    images, requested = sources.answer.images, sources.summary.parameters
    if images is None:
        return None
    return {
        "count": images.count,
        "size": images.size or short(requested.get("size")),
        "quality": images.quality or short(requested.get("quality")),
    }


def _text(amount: Decimal) -> str:
    """The amount without an exponent, and without zeros at its end."""
    return f"{amount.normalize():f}" if amount else "0"
