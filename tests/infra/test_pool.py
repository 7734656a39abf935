"""The pool of Azure OpenAI accounts: what infra/main.bicep makes of a list of them, and the policy
of the API in front of it.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from harness.tools import tool_path
from shared.core.records.exchange import captured_headers
from tests.infra import switches
from tests.infra.bicep import INFRA, Deployment, Evaluator, gateway_properties
from tests.infra.buffering_policies import BUFFERING

NAME: Final = switches.GATEWAY
PAGE: Final = INFRA.parent / "docs" / "how-to" / "pool-accounts.md"
POOLED: Final = tuple(
    (switch, "pool" if switch == "openAi" else position)
    for switch, position in switches.settings()[0]
)


@pytest.fixture(scope="module")
def deployment(evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Three accounts: an existing one first, then two new ones in two regions."""
    return evaluator.evaluate(switches.parameters(POOLED), tmp_path_factory.mktemp("pool"))


@pytest.fixture(scope="module")
def policy(deployment: Deployment) -> Element:
    """The policy as it is deployed."""
    return ElementTree.fromstring(_policy(deployment))  # noqa: S314 - a file of this repository


def _policy(deployment: Deployment) -> str:
    value: str = gateway_properties(deployment, f"apis/{NAME}-pool/policies/policy")["value"]
    return value


def test_the_pool_has_each_account_with_its_priority_and_weight(deployment: Deployment) -> None:
    """The accounts are in the order of the list; each leads to its address below /openai."""
    pool = gateway_properties(deployment, f"backends/{NAME}-pool")
    assert pool["type"] == "Pool"
    members = [
        (member["id"].rpartition("/")[2], member["priority"], member["weight"])
        for member in pool["pool"]["services"]
    ]
    assert members == [
        (f"{NAME}-account-1", 1, 1),
        (f"{NAME}-account-2", 2, 3),
        (f"{NAME}-account-3", 2, 1),
    ]
    for number, account in enumerate(("contoso-models", r"oai-[\w-]+", r"oai-[\w-]+-france"), 1):
        url = gateway_properties(deployment, f"backends/{NAME}-account-{number}")["url"]
        assert re.match(r"\[format\('\{0\}openai', reference\(", url)
        assert re.search(rf"/accounts/{account}', '[\d-]+'\)\.endpoint", url)


def test_a_refusing_account_rests_for_retry_after(
    deployment: Deployment,
) -> None:
    """One refusal opens its circuit breaker: otherwise the retry could go to it again."""
    for number in (1, 2, 3):
        (rule,) = gateway_properties(deployment, f"backends/{NAME}-account-{number}")[
            "circuitBreaker"
        ]["rules"]
        assert rule["acceptRetryAfter"] is True
        assert rule["tripDuration"] == "PT10S"
        assert rule["failureCondition"] == {
            "count": 1,
            "interval": "PT1M",
            "statusCodeRanges": [{"min": 429, "max": 429}, {"min": 500, "max": 599}],
        }


def test_the_circuit_breaker_is_what_the_parameter_says(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    more = "param circuitBreaker = { failures: 3, seconds: 60 }"
    deployment = evaluator.evaluate(switches.parameters(POOLED, more), tmp_path)
    (rule,) = gateway_properties(deployment, f"backends/{NAME}-account-1")["circuitBreaker"][
        "rules"
    ]
    assert (rule["failureCondition"]["count"], rule["tripDuration"]) == (3, "PT60S")


def test_the_list_in_the_documentation_is_evaluated(evaluator: Evaluator, tmp_path: Path) -> None:
    """docs/how-to/pool-accounts.md: three accounts that exist."""
    (block,) = re.findall(r"```bicep\n(.*?)```", PAGE.read_text(), re.DOTALL)
    deployment = evaluator.evaluate(switches.parameters(POOLED, block), tmp_path)
    assert deployment.diagnostics == []
    assert deployment.of("Microsoft.CognitiveServices/accounts") == []
    assert [
        (member["priority"], member["weight"])
        for member in gateway_properties(deployment, f"backends/{NAME}-pool")["pool"]["services"]
    ] == [(1, 1), (2, 3), (2, 1)]


def test_new_accounts_lie_in_their_regions(deployment: Deployment) -> None:
    """Each under a name of its own."""
    accounts = deployment.of("Microsoft.CognitiveServices/accounts")
    assert {(account["name"].endswith("-france"), account["location"]) for account in accounts} == {
        (False, "swedencentral"),
        (True, "francecentral"),
    }


def test_one_account_needs_no_pool(evaluator: Evaluator, tmp_path: Path) -> None:
    """The app calls it itself, with a role of its own."""
    deployment = evaluator.evaluate(switches.parameters(switches.settings()[0]), tmp_path)
    assert not [resource_id for resource_id in deployment.resources if "pool" in resource_id]


def test_every_expression_of_the_deployed_policy_compiles(
    deployment: Deployment, tmp_path: Path
) -> None:
    file = tmp_path / "pool.xml"
    file.write_text(_policy(deployment))
    run = subprocess.run(
        [tool_path("policycheck"), str(file)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_app_alone_may_call_the_pool(deployment: Deployment, policy: Element) -> None:
    """The token of its identity is checked before anything else of the API; no key opens it."""
    assert gateway_properties(deployment, f"apis/{NAME}-pool")["subscriptionRequired"] is False
    inbound = policy.find("inbound")
    assert inbound is not None
    assert [element.tag for element in inbound][:2] == ["base", "validate-azure-ad-token"]
    check = inbound[1]
    assert check.get("tenant-id") == f"{{{{{NAME}-tenant-id}}}}"
    assert [element.text for element in check.iter("application-id")] == [
        f"{{{{{NAME}-app-client-id}}}}"
    ]
    scope = deployment.app_settings["AZURE_OPENAI_SCOPE"].removesuffix("/.default")
    assert scope in {element.text for element in check.iter("audience")}
    client_id = gateway_properties(deployment, f"namedValues/{NAME}-app-client-id")["value"]
    assert client_id == deployment.app_settings["AZURE_CLIENT_ID"]


def test_the_accounts_are_called_by_the_gateways_identity(policy: Element) -> None:
    """Its token takes the place of the app's, after that was checked."""
    inbound = policy.find("inbound")
    assert inbound is not None
    tags = [element.tag for element in inbound]
    assert tags.index("authentication-managed-identity") > tags.index("validate-azure-ad-token")
    (token,) = inbound.findall("authentication-managed-identity")
    assert token.attrib == {"resource": "https://cognitiveservices.azure.com"}


def test_a_refused_call_goes_on_to_the_next_account(policy: Element) -> None:
    """There are as many attempts as accounts. Streams pass unbuffered; the request waits for the
    next attempt.
    """
    (retry,) = policy.iter("retry")
    condition = retry.get("condition") or ""
    assert (retry.get("count"), retry.get("interval")) == ("2", "0")
    assert "StatusCode == 429" in condition
    assert "StatusCode >= 500" in condition
    (forward,) = retry.iter("forward-request")
    assert forward.attrib == {
        "timeout": "600",  # the default of UPSTREAM_READ_TIMEOUT_S
        "buffer-request-body": "true",
        "buffer-response": "false",
    }
    (chosen,) = retry.iter("set-backend-service")
    assert chosen.get("backend-id") == f"{NAME}-pool"
    assert len(list(policy.iter("forward-request"))) == 1


def test_nothing_reads_a_body_on_the_way(policy: Element) -> None:
    """No expression does, and no policy that needs all of it: a stream would wait for its end. A
    body is set in the pool's own response alone.
    """
    text = ElementTree.tostring(policy, encoding="unicode")
    assert not re.search(r"\.Body\b", text)
    assert not (BUFFERING - {"retry"}) & {element.tag for element in policy.iter()}
    bodies = [body for answer in policy.iter("return-response") for body in answer.iter("set-body")]
    assert list(policy.iter("set-body")) == bodies


def test_every_answer_says_which_account_gave_it(deployment: Deployment, policy: Element) -> None:
    """It stands in the headers that the app reads, and an account cannot set them."""
    outbound = policy.find("outbound")
    assert outbound is not None
    headers = {
        element.get("name"): element.get("exists-action") for element in outbound.iter("set-header")
    }
    assert headers == dict.fromkeys(
        (
            captured_headers.BACKEND_ACCOUNT,
            captured_headers.BACKEND_REGION,
            captured_headers.BACKEND_ATTEMPTS,
        ),
        "override",
    )
    value = gateway_properties(deployment, f"namedValues/{NAME}-accounts")["value"]
    assert "'contoso-models', reference(" in value
    assert ", 'swedencentral')" in value
    assert ", 'francecentral')" in value


def test_a_pools_failure_has_azure_openais_shape(policy: Element) -> None:
    """Its texts are fixed: nothing of the failure's own words goes out."""
    on_error = policy.find("on-error")
    assert on_error is not None
    text = ElementTree.tostring(on_error, encoding="unicode")
    assert set(re.findall(r"context\.LastError\.(\w+)", text)) == {"Source", "Reason"}
    assert re.findall(r"new JProperty\(&quot;(\w+)&quot;", text) == [
        "error",
        "code",
        "message",
        "type",
    ]
