"""Who may call which function, as the worker library indexes the app."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEVELS = {
    "openai": "FUNCTION",
    "unknown_route": "FUNCTION",
    "health": "ANONYMOUS",
    "health_ready": "ANONYMOUS",
    "ops_parked": "ADMIN",
    "ops_queue_again": "ADMIN",
    "ops_erase": "ADMIN",
    "reconcile_start": "ADMIN",
    "replay_start": "ADMIN",
}
_LIST = """
import function_app, json
functions = function_app.app.get_functions()  # asked twice, it would find every name taken
bindings = {each.get_function_name(): [one.get_dict_repr() for one in each.get_bindings()] for each in functions}
print(json.dumps(bindings, default=lambda each: each.name))
"""


@pytest.fixture(scope="module")
def functions() -> dict[str, list[dict[str, object]]]:
    """Name -> bindings, indexed in a process of its own with the sample's settings."""
    values = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    listed = subprocess.run([sys.executable, "-c", _LIST], cwd=ROOT, env=values, capture_output=True, text=True, check=True)
    found: dict[str, list[dict[str, object]]] = json.loads(listed.stdout)
    return found


def test_each_http_function_has_its_level(functions: dict[str, list[dict[str, object]]]) -> None:
    """Relaying asks for a function key, operating for the admin key, health for none; no function is left out."""
    levels = {
        name: binding["authLevel"]
        for name, bindings in functions.items()
        for binding in bindings
        if binding["type"] == "httpTrigger"
    }
    assert levels == LEVELS


def test_the_readme_names_every_function(functions: dict[str, list[dict[str, object]]]) -> None:
    table = (ROOT / "README.md").read_text().partition("## Functions")[2].partition("\n\n[")[0]
    assert [name for name in functions if f"`{name}`" not in table] == []


def test_the_catch_all_sorts_last(functions: dict[str, list[dict[str, object]]]) -> None:
    """Of two routes that match, the real host takes the function whose name sorts first."""
    http = [name for name, bindings in functions.items() if bindings[0]["type"] == "httpTrigger"]
    assert max(http) == "unknown_route"
