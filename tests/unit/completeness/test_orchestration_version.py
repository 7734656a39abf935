"""A changed orchestrator gets a new version in host.json.

While a deployment replaces instances, old and new ones share the hub. A run that a new instance
started must not be replayed by the code before it: Durable would find another history than the code
makes, and fail the run.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
from collections.abc import Callable
from types import ModuleType
from typing import Final

from blueprints.completeness import erase, reconcile, replay
from local.repository import ROOT

DURABLE: Final = json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]
# host.json's defaultVersion -> the orchestrators that it stands for.
ORCHESTRATORS: Final = {"3": "c8a5fb1f79d18d73"}


def digest(*modules: ModuleType) -> str:
    """A hash of the orchestrators' code. Comments, docstrings and layout do not change it."""
    codes = [ast.unparse(_without_docstring(module.orchestrate)) for module in modules]
    return hashlib.sha256("\n".join(codes).encode()).hexdigest()[:16]


def _without_docstring(orchestrate: Callable[..., object]) -> ast.FunctionDef:
    (function,) = ast.parse(inspect.getsource(orchestrate)).body
    assert isinstance(function, ast.FunctionDef)
    assert ast.get_docstring(function)
    del function.body[0]
    return function


def test_the_version_stands_for_the_orchestrators_as_they_are() -> None:
    """If this fails: raise `defaultVersion`, note the new digest under it, and let the code replay
    the history of runs of the earlier version (docs/reference/host-settings.md).
    """
    assert ORCHESTRATORS.get(DURABLE["defaultVersion"]) == digest(reconcile, replay, erase)


def test_an_old_instance_leaves_newer_runs_alone() -> None:
    """A new instance continues older runs. That is the default, which is written out."""
    assert DURABLE["versionMatchStrategy"] == "CurrentOrOlder"
