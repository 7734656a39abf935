"""The templates with an Azure Data Explorer cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.infra import switches
from tests.infra.bicep import Deployment, Evaluator
from tests.infra.switches import setting_with

ANALYSTS: Final = "77777777-7777-4777-8777-777777777777"
ON: Final = f"""param analytics = 'adx'
param analystObjectId = '{ANALYSTS}'
param analystType = 'Group'"""
KUSTO: Final = "Microsoft.Kusto/clusters"


def evaluate(evaluator: Evaluator, folder: Path, more: str = ON, **turned: str) -> Deployment:
    return evaluator.evaluate(switches.parameters(setting_with(**turned), more), folder)
