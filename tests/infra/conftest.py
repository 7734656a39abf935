"""The templates, compiled once, and every setting of the switches, evaluated once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.infra import switches
from tests.infra.bicep import Compiled, Deployment, Evaluator, compile_all


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """What the compiler makes of infra/."""
    return compile_all(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="session")
def evaluator(compiled: Compiled) -> Iterator[Evaluator]:
    """The Bicep CLI, started."""
    evaluator = Evaluator(compiled.main)
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
