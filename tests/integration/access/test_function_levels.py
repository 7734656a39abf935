"""The access level of each function, as the worker library indexes the app."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from harness.entra import Tenant
from local.repository import ROOT
from tests.support.function_levels import LEVELS

type Functions = dict[str, list[dict[str, Any]]]

ENTRA = Tenant(port=1).settings  # nothing listens there, and indexing does not connect
_LIST = """
import function_app, json
functions = function_app.app.get_functions()  # asked twice, it would find every name taken
bindings = {
    function.get_function_name(): [binding.get_dict_repr() for binding in function.get_bindings()]
    for function in functions
}
print(json.dumps(bindings, default=lambda kind: kind.name))
"""


@pytest.fixture(scope="module")
def functions() -> Functions:
    """The functions with the settings of the sample."""
    return index({})


def index(settings: dict[str, str]) -> Functions:
    """Name -> bindings, indexed in a process of its own with the sample's settings under these."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"] | settings
    listed = subprocess.run(
        [sys.executable, "-c", _LIST],
        cwd=ROOT,
        env=values,
        capture_output=True,
        text=True,
        check=True,
    )
    found: Functions = json.loads(listed.stdout)
    return found


# By the defaults of the settings by which the timers fire; one timer has no setting.
SCHEDULES = {
    "0 */10 * * * *": "RECONCILE_SCHEDULE",
    "0 * * * * *": "FOLLOW_SCHEDULE",
    "0 25 * * * *": "every hour, at minute 25",
}


def levels(functions: Functions) -> dict[str, object]:
    return {
        name: binding["authLevel"]
        for name, bindings in functions.items()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    }


def test_each_http_function_has_its_level(functions: Functions) -> None:
    """Relaying asks for a function key, operating for the admin key, health for none; no function
    is left out.
    """
    assert levels(functions) == LEVELS


def test_the_host_checks_no_keys_if_the_app_checks_tokens() -> None:
    """API Management has a token then, and no key. tests/e2e/test_entra.py shows that each of these
    functions checks the token.
    """
    assert levels(index(ENTRA)) == dict.fromkeys(LEVELS, "ANONYMOUS")


@pytest.mark.parametrize(
    ("package", "settings"),
    [
        ("jwt", ENTRA),
        ("opentelemetry.sdk", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}),
    ],
    ids=["tokens", "telemetry"],
)
@pytest.mark.parametrize("switched_on", [False, True], ids=["off", "on"])
def test_a_package_is_imported_only_where_it_is_switched_on(
    package: str, settings: dict[str, str], switched_on: bool
) -> None:
    """Each of these imports takes a tenth of a second or more of every worker's start."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    program = f"import function_app, sys; print({package!r} in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=values | (settings if switched_on else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(switched_on)


def test_the_reference_describes_every_function(functions: Functions) -> None:
    """Name, trigger with its methods, route or queue, and level, as the host indexes them."""
    page = (ROOT / "docs" / "reference" / "functions.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|", page, re.MULTILINE)
    documented = {
        name: (trigger.strip(), where.strip(" `"), level.strip())
        for name, trigger, where, level in rows
    }
    assert documented == {name: describe(bindings) for name, bindings in functions.items()}


def describe(bindings: list[dict[str, Any]]) -> tuple[str, str, str]:
    """A function's trigger, place and level, in the words of docs/reference/functions.md."""
    (trigger,) = [binding for binding in bindings if binding["type"].endswith("Trigger")]
    match trigger["type"]:
        case "httpTrigger":
            methods = ", ".join(trigger["methods"])
            return f"HTTP: {methods}", trigger["route"], trigger["authLevel"]
        case "queueTrigger":
            return "queue", trigger["queueName"], ""
        case "timerTrigger":
            return "timer", SCHEDULES[trigger["schedule"]], ""
        case other:
            return other.removesuffix("Trigger"), "", ""


def test_the_catch_all_sorts_last(functions: Functions) -> None:
    """If two routes match, the real host takes the function whose name sorts first."""
    http = [name for name, bindings in functions.items() if bindings[0]["type"] == "httpTrigger"]
    assert max(http) == "unknown_route"
