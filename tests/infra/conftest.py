"""The templates, compiled once, and every setting of the switches, evaluated once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import scheduling
from tests.infra import switches
from tests.infra.bicep import CompiledTemplates, Deployment, Evaluator, compile_all


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hold all tests of the compiled templates in one group, so that one worker compiles them."""
    for item in items:
        uses_templates = "compiled_templates" in getattr(item, "fixturenames", ())
        if uses_templates and scheduling.group(item.nodeid) != scheduling.DEPLOYMENTS:
            file = item.nodeid.partition("::")[0]
            raise pytest.UsageError(f"{file} uses the templates; harness/scheduling.py denies it")


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> CompiledTemplates:
    """The ARM templates that the compiler makes of infra/."""
    return compile_all(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def evaluator(compiled_templates: CompiledTemplates) -> Iterator[Evaluator]:
    """The Bicep CLI, started."""
    evaluator = Evaluator(compiled_templates.main)
    yield evaluator
    evaluator.close()


@pytest.fixture(scope="session")
def deployments(
    evaluator: Evaluator, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Deployment]:
    """The evaluated deployments by the name of their setting."""
    folder = tmp_path_factory.mktemp("deployments")
    return {
        switches.name(setting): evaluator.evaluate(switches.parameters(setting), folder)
        for setting in switches.settings()
    }
