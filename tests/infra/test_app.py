"""The function app (app.bicep, app-settings.bicep): settings, scale and who may call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra import switches
from tests.infra.bicep import EvaluationError, Evaluator
from tests.infra.flex import TAKEN_ON_FLEX
from tests.infra.switches import PLAIN


def test_settings_and_scale_are_what_the_parameters_say(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """A setting takes the place of its default; so does each figure of the scale."""
    more = """param settings = { KEEP_ALIVE_S: '5', EVENT_REQUEST_HEADERS: 'x-team' }
param capturePolicy = 'required'
param scale = {
  alwaysReady: [{ name: 'function:enrichment', instanceCount: 2 }]
  instanceMemoryMB: 4096
  maximumInstanceCount: 40
  httpConcurrency: 250
  zoneRedundant: true
}"""
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    settings = deployment.app_settings
    assert (
        settings["KEEP_ALIVE_S"],
        settings["EVENT_REQUEST_HEADERS"],
        settings["CAPTURE_POLICY"],
    ) == (
        "5",
        "x-team",
        "required",
    )
    assert settings["EARLY_RESPONSE_AFTER_S"] == "100"
    assert deployment.one("Microsoft.Web/sites")["properties"]["functionAppConfig"][
        "scaleAndConcurrency"
    ] == {
        "alwaysReady": [{"name": "function:enrichment", "instanceCount": 2}],
        "instanceMemoryMB": 4096,
        "maximumInstanceCount": 40,
        "triggers": {"http": {"perInstanceConcurrency": 250}},
    }
    assert deployment.one("Microsoft.Web/serverfarms")["properties"]["zoneRedundant"] is True


def test_callers_may_be_bound_to_address_ranges(evaluator: Evaluator, tmp_path: Path) -> None:
    """A second lock, beside the key or the token. The availability test has to pass it; the site
    that takes code, which takes Entra tokens alone, is not bound.
    """
    ranges = ["203.0.113.0/24", "198.51.100.7/32"]
    deployment = evaluator.evaluate(
        switches.parameters(PLAIN, f"param allowedCallers = {ranges}"), tmp_path
    )
    config = deployment.one("Microsoft.Web/sites")["properties"]["siteConfig"]
    assert config["ipSecurityRestrictionsDefaultAction"] == "Deny"
    assert config["scmIpSecurityRestrictionsUseMain"] is False
    assert config.keys() <= TAKEN_ON_FLEX
    rules = config["ipSecurityRestrictions"]
    assert {rule["action"] for rule in rules} == {"Allow"}
    assert [rule["ipAddress"] for rule in rules] == [*ranges, "ApplicationInsightsAvailability"]
    assert rules[-1]["tag"] == "ServiceTag"
    assert len({rule["priority"] for rule in rules}) == len(rules)


def test_a_setting_that_the_app_does_not_have_is_rejected(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """A slip of the pen is found when the template is compiled."""
    with pytest.raises(EvaluationError, match="KEEP_ALIVE"):
        evaluator.evaluate(
            switches.parameters(PLAIN, "param settings = { KEEP_ALIVE: '5' }"), tmp_path
        )
