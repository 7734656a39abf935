"""The policy in front of the app: its required and forbidden parts, read as XML, and its C#
expressions compiled.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from harness.tools import tool_path
from shared.core.wire.http import forwarding_rules
from shared.core.wire.http.forwarding_rules import ForwardingAction
from tests.infra.buffering_policies import BUFFERING

POLICIES = Path(__file__).parents[2] / "infra" / "policies"
FILES = sorted(POLICIES.glob("*.xml"))
CALLER_HEADERS = {
    "x-apim-subscription-id": "context.Subscription?.Id",
    "x-apim-product-id": "context.Product?.Id",
    "x-apim-user-id": "context.User?.Id",
    "x-apim-request-id": "context.RequestId",
    "x-apim-api-id": "context.Api.Id",
    "x-apim-team": "fnsseTeam",
}


def parse(name: str) -> Element:
    return ElementTree.fromstring((POLICIES / name).read_text())  # noqa: S314 - a file of this repository


@pytest.fixture(scope="module")
def policy() -> Element:
    return parse("openai.xml")


def section(policy: Element, name: str) -> Element:
    (found_section,) = policy.findall(name)
    return found_section


def headers(within: Element, action: str) -> set[str]:
    return {
        element.get("name", "")
        for element in within.findall("set-header")
        if element.get("exists-action") == action
    }


def texts(element: Element) -> Iterator[str]:
    """Every attribute and text, which is where expressions stand."""
    for descendant in element.iter():
        yield from descendant.attrib.values()
        yield descendant.text or ""


def test_the_files_are_what_the_bicep_module_loads() -> None:
    """Policies of the API, the pool and a team; fragments for who may call the API, and for each
    way in which the app knows its gateway.
    """
    assert [file.name for file in FILES] == [
        "caller-auth-entra.xml",
        "caller-auth-function-key.xml",
        "client-auth.xml",
        "openai.xml",
        "pool.xml",
        "team.xml",
    ]


def test_every_expression_compiles() -> None:
    """policycheck compiles each against the documented context, and knows every element."""
    run = subprocess.run(
        [tool_path("policycheck"), *map(str, FILES)], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counted = re.search(r"(\d+) expressions, 0 problems", run.stdout)
    expressions = sum(
        text.lstrip().startswith("@") for file in FILES for text in texts(parse(file.name))
    )
    assert counted is not None
    assert int(counted[1]) == expressions


def test_policycheck_reports_an_expression_that_does_not_compile(tmp_path: Path) -> None:
    """Otherwise the test above would prove nothing."""
    broken = tmp_path / "broken.xml"
    broken.write_text(
        (POLICIES / "openai.xml").read_text().replace("context.Api.Id", "context.Api.Idd")
    )
    assert (
        subprocess.run(
            [tool_path("policycheck"), str(broken)], capture_output=True, timeout=60
        ).returncode
        == 1
    )


def test_forwarding_is_unbuffered_and_nothing_else_forwards(policy: Element) -> None:
    """The policy has one forward-request in place of the outer scopes' own; its timeout bounds a
    silent connection.
    """
    (forward,) = section(policy, "backend")
    assert forward.tag == "forward-request"
    assert forward.attrib == {"timeout": "240", "buffer-response": "false"}
    assert len(list(policy.iter("forward-request"))) == 1


def test_outer_scopes_keep_their_say_before_and_after(policy: Element) -> None:
    """A company's rate limits and filters hold; an error's answer is this policy's alone."""
    assert section(policy, "inbound")[0].tag == "base"
    assert [element.tag for element in section(policy, "outbound")] == ["base"]
    assert not list(section(policy, "on-error").iter("base"))


def test_nothing_reads_or_writes_a_body_on_the_way(policy: Element) -> None:
    """No policy that buffers, and a body is set nowhere but in a response of the gateway's own."""
    assert not BUFFERING & {element.tag for element in policy.iter()}
    assert not [text for text in texts(policy) if re.search(r"\.Body\b", text)]
    own_answers = [
        body for answer in policy.iter("return-response") for body in answer.findall("set-body")
    ]
    assert own_answers
    assert list(policy.iter("set-body")) == own_answers


def test_who_calls_is_overridden_never_passed_on(policy: Element) -> None:
    """The policy sets exactly the headers that the app reads, each from the gateway's own
    knowledge.
    """
    inbound = section(policy, "inbound")
    overridden = {
        element.get("name", ""): (element.findtext("value") or "")
        for element in inbound.findall("set-header")
        if element.get("exists-action") == "override"
    }
    assert overridden.keys() == CALLER_HEADERS.keys()
    for name, source in CALLER_HEADERS.items():
        assert source in overridden[name]
    assert not [
        element
        for element in policy.iter("set-header")
        if element.get("exists-action") in {None, "skip", "append"}
    ]


def test_the_app_reads_the_headers_that_the_policy_writes() -> None:
    """Their names stand in the relay too."""
    source = "".join(file.read_text() for file in (POLICIES.parents[1] / "shared").rglob("*.py"))
    assert set(re.findall(r"x-apim-[a-z-]+(?=\")", source)) == set(CALLER_HEADERS)


def test_no_credential_of_a_caller_goes_on(policy: Element) -> None:
    """The policy deletes every header that the app's own table calls a credential."""
    credentials = {
        rule.name
        for rule in forwarding_rules.REQUEST_HEADERS
        if "credential" in rule.reason
        and rule.action in {ForwardingAction.DROP, ForwardingAction.REPLACE}
    }
    assert credentials == {
        "authorization",
        "api-key",
        "x-functions-key",
        "ocp-apim-subscription-key",
        "subscription-key",
        "cookie",
    }
    assert credentials <= headers(section(policy, "inbound"), "delete")
    deleted = {
        element.get("name")
        for element in section(policy, "inbound").iter("set-query-parameter")
        if element.get("exists-action") == "delete"
    }
    assert deleted == {rule.name for rule in forwarding_rules.QUERY}


def test_a_callers_invocation_id_is_deleted(policy: Element) -> None:
    """The Functions host keeps one that is there, and then waits for an invocation that never
    comes.
    """
    assert "x-ms-invocation-id" in headers(section(policy, "inbound"), "delete")


def test_the_gateways_credential_is_set_last(policy: Element) -> None:
    """The callers' credentials are deleted before, so that nothing deletes the gateway's."""
    assert section(policy, "inbound")[-1].attrib == {"fragment-id": "FNSSE-NAME-caller-auth"}


def test_the_fragments_hold_one_credential_each_and_no_secret() -> None:
    """A token of the managed identity, or the function key from a named value."""
    (token,) = parse("caller-auth-entra.xml")
    assert (token.tag, token.attrib) == (
        "authentication-managed-identity",
        {"resource": "{{FNSSE-NAME-audience}}"},
    )
    (key,) = parse("caller-auth-function-key.xml")
    assert (key.tag, key.attrib) == (
        "set-header",
        {"name": "x-functions-key", "exists-action": "override"},
    )
    assert [value.text for value in key] == ["{{FNSSE-NAME-function-key}}"]


def test_no_path_climbs_out_of_the_api(policy: Element) -> None:
    """Operators' routes lie beside /openai: a path with dot segments, encoded or not, is answered
    here.
    """
    (condition,) = [
        element.get("condition", "") for element in section(policy, "inbound").iter("when")
    ]
    assert "context.Request.OriginalUrl.Path" in condition
    assert condition.count("Uri.UnescapeDataString") == 2
    assert '.Replace("\\\\", "/")' in condition, "the host reads a backslash as a slash"
    assert 'Contains("..")' in condition
    (status,) = section(policy, "inbound").iter("set-status")
    assert status.get("code") == "400"
    assert section(policy, "inbound")[1].tag == "choose", (
        "it must come before anything is forwarded"
    )


def test_errors_have_azure_openais_shape_and_fixed_texts(policy: Element) -> None:
    """Nothing of the failure's own words goes out: they may name a token, an address or an
    identity.
    """
    on_error = section(policy, "on-error")
    used = {
        name for text in texts(on_error) for name in re.findall(r"context\.LastError\.(\w+)", text)
    }
    assert used == {"Source", "Reason"}
    (body,) = [
        element.get("value", "")
        for element in on_error.iter("set-variable")
        if element.get("name") == "fnsseError"
    ]
    assert re.findall(r'new JProperty\("(\w+)"', body) == ["error", "code", "message", "type"]
    assert "LastError" not in body
    answers = list(on_error.iter("return-response"))
    assert len(answers) == 2
    for answer in answers:
        assert answer[0].tag == "set-status"
        assert answer.findtext("set-header[@name='content-type']/value") == "application/json"
        assert answer[0].get("code") == '@((int)context.Variables["fnsseStatus"])'
        assert answer.findtext("set-body") == '@((string)context.Variables["fnsseError"])'
    (choice,) = on_error.findall("choose")
    without, otherwise = choice
    assert without.get("condition") == '@((string)context.Variables["fnsseRetryAfter"] == "")'
    assert without.find(".//set-header[@name='retry-after']") is None
    assert (
        otherwise.findtext(".//set-header[@name='retry-after']/value")
        == '@((string)context.Variables["fnsseRetryAfter"])'
    )


def test_an_error_keeps_its_status(policy: Element) -> None:
    """The status is 504 if the app sent no headers in time, 502 if it was not reached, and the
    gateway's own otherwise.
    """
    variables = {
        element.get("name"): " ".join((element.get("value") or "").split())
        for element in policy.iter("set-variable")
    }
    assert variables["fnsseStatus"] == (
        '@(context.LastError.Source == "forward-request" ? (context.LastError.Reason == "Timeout" ? 504 : 502)'
        " : (context.Response?.StatusCode ?? 500))"
    )
    assert re.search(r'GetValueOrDefault\("Retry-After"', variables["fnsseRetryAfter"])
    errors = re.findall(r'status == (\d+) \? "([^"]+)"', variables["fnsseError"])
    assert [status for status, _ in errors] == ["401", "403", "404", "429", "502", "504"]
