"""Reads the settings from the environment; nothing else reads it.

`load(environ)` validates everything at once and raises one `SettingsError` that names every missing
or malformed setting, its expected form and an example. Secrets are never repeated in a
message.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from shared.core.content import policy
from shared.core.content.policy import ContentPolicy
from shared.core.cost import deployments
from shared.core.cost.deployments import Deployments
from shared.core.wire.content_mode import STRICTEST, ContentMode
from shared.errors import ContentPolicyError
from shared.settings import connections, validators
from shared.settings.environ_reader import EnvironReader
from shared.settings.settings import (
    ContentSettings,
    FollowingSettings,
    InterventionSettings,
    LimitSettings,
    PresidioSettings,
    ReconcileSettings,
    Settings,
)


def load(environ: Mapping[str, str]) -> Settings:
    """All settings, validated. Raises SettingsError naming each one that needs attention."""
    reader = EnvironReader(environ)
    reconcile = _reconcile(reader)
    settings = Settings(
        upstream=connections.upstream(reader),
        event_hub=connections.event_hub(reader),
        storage=connections.storage(reader),
        limits=_limits(reader),
        interventions=_interventions(reader),
        reconcile=reconcile,
        following=_following(reader),
        copied_headers=_copied_headers(reader),
        deployments=_deployments(reader),
        content=_content(reader, reconcile.retention_days),
        presidio=_presidio(reader),
        event_cost=reader.switch("EVENT_COST", default=False),
        managed_identity_client_id=reader.text("AZURE_CLIENT_ID"),
        caller_auth=connections.caller_auth(reader),
        telemetry=connections.telemetry(reader),
        misspelt=reader.misspelt(),  # the last one: it knows the names read before
    )
    reader.raise_problems()
    return settings


def _limits(reader: EnvironReader) -> LimitSettings:
    return LimitSettings(
        exchange_s=reader.seconds("EXCHANGE_TIMEOUT_S", 1500),
        request_body_bytes=reader.bytes_of_megabytes("MAX_REQUEST_BODY_MB", 100, 0.001, 100),
        recording_wait_s=reader.number("RECORDING_WAIT_MS", 200, "milliseconds", 0, 10_000) / 1000,
        capture_required=reader.one_of("CAPTURE_POLICY", "best_effort", "required") == "required",
        capture_memory_bytes=reader.bytes_of_megabytes("CAPTURE_MEMORY_MB", 256, 1, 100_000),
        request_memory_bytes=reader.bytes_of_megabytes("REQUEST_MEMORY_MB", 256, 1, 100_000),
        drain_s=reader.seconds("DRAIN_AFTER_DISCONNECT_S", 0, least=0, most=600),
        drain_bytes=int(
            reader.number("DRAIN_AFTER_DISCONNECT_KB", 256, "kilobytes", 1, 102_400) * 1024
        ),
    )


def _interventions(reader: EnvironReader) -> InterventionSettings:
    return InterventionSettings(
        ask_for_usage=reader.switch("ASK_FOR_USAGE", default=True),
        error_frames=reader.switch("ERROR_FRAMES", default=True),
        keep_alive_s=reader.seconds("KEEP_ALIVE_S", 15, least=0),
        early_response_after_s=reader.seconds("EARLY_RESPONSE_AFTER_S", 100, least=0),
        early_json_response_after_s=reader.seconds("EARLY_JSON_RESPONSE_AFTER_S", 0, least=0),
    )


def _reconcile(reader: EnvironReader) -> ReconcileSettings:
    retention_days = int(
        reader.number("CAPTURE_RETENTION_DAYS", 30, "a number of days", 1, policy.MAX_DAYS)
    )
    look_back_h = reader.number("RECONCILE_LOOK_BACK_H", 48, "a number of hours", 1, 24 * 3650)
    return ReconcileSettings(
        schedule=reader.schedule("RECONCILE_SCHEDULE", "0 */10 * * * *"),
        grace_s=reader.seconds("RECONCILE_GRACE_S", 120, least=1, most=3600),
        look_back_s=min(look_back_h * 3600, retention_days * 86_400),
        retention_days=retention_days,
    )


def _following(reader: EnvironReader) -> FollowingSettings | None:
    first_wait_s = reader.seconds("FOLLOW_BACKGROUND_AFTER_S", 30, least=0, most=3600)
    schedule = reader.schedule("FOLLOW_SCHEDULE", "0 * * * * *")
    return FollowingSettings(first_wait_s=first_wait_s, schedule=schedule) if first_wait_s else None


def _copied_headers(reader: EnvironReader) -> frozenset[str]:
    expected_form = "header names, separated by commas, none of which holds a credential"
    value = reader.validate(
        "EVENT_REQUEST_HEADERS",
        expected_form,
        "x-team,x-session-id",
        validators.are_copyable_headers,
    )
    return validators.comma_separated((value or "").lower())


def _deployments(reader: EnvironReader) -> Deployments:
    expected_form = (
        "a JSON object with an object of sku, zone and model for each deployment; "
        f"sku is one of {', '.join(sorted(deployments.SKUS))}"
    )
    example = '{"gpt-4o": {"sku": "GlobalStandard"}}'
    value = reader.validate("DEPLOYMENTS", expected_form, example, validators.are_deployments)
    return deployments.parse(value) if value else deployments.NO_DEPLOYMENTS


def _presidio(reader: EnvironReader) -> PresidioSettings | None:
    expected_form = "language=model, several of them separated by commas"
    models = reader.validate(
        "PRESIDIO_MODELS",
        expected_form,
        "en=en_core_web_lg,de=de_core_news_lg",
        validators.are_models,
    )
    timeout_s = reader.seconds("PRESIDIO_TIMEOUT_S", 10)
    if not models:
        return None
    if importlib.util.find_spec("presidio_analyzer") is None:
        reader.report_malformed(
            "PRESIDIO_MODELS", "presidio-analyzer is not installed (docs/reference/detectors.md)"
        )
    return PresidioSettings(models=validators.models(models), timeout_s=timeout_s)


def _content(reader: EnvironReader, max_days: int) -> ContentSettings:
    default = ContentMode(reader.one_of("CONTENT_MODE", *ContentMode))
    text = reader.text("CONTENT_POLICY")
    if text and validators.is_blob_name(text):
        no_policy = ContentPolicy(default=STRICTEST)
        return ContentSettings(policy=no_policy, policy_blob=text, default=default)
    fixed_policy = ContentPolicy(default=default)
    if text:
        fixed_policy = _content_policy(reader, text, default, max_days)
    return ContentSettings(policy=fixed_policy, policy_blob=None, default=default)


def _content_policy(
    reader: EnvironReader, text: str, default: ContentMode, max_days: int
) -> ContentPolicy:
    try:
        return policy.parse(text, default, max_days)
    except ContentPolicyError as error:
        problem = str(error)
        if not text.startswith("{"):
            problem = "it is neither a JSON object nor the name of a blob, policies/content.json"
        reader.report_malformed("CONTENT_POLICY", problem)
        return ContentPolicy(default=STRICTEST)
