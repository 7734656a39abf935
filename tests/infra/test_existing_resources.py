"""A deployment beside resources that exist already."""

from __future__ import annotations

import re
from pathlib import Path

from tests.infra import switches
from tests.infra.bicep import INFRA, Evaluator
from tests.infra.switches import PLAIN


def test_what_the_documentation_says_to_write_is_evaluated(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """The parameters of docs/how-to/deploy-beside-existing.md for a company that has all of it:
    nothing of it is made again.
    """
    (block,) = re.findall(
        r"```bicep\n(.*?)```",
        (INFRA.parent / "docs" / "how-to" / "deploy-beside-existing.md").read_text(),
        re.DOTALL,
    )
    subnets = iter([f"{switches.SUBNETS}/app", f"{switches.SUBNETS}/endpoints"])
    more = re.sub("<id>", lambda _: next(subnets), block)
    deployment = evaluator.evaluate(switches.parameters(PLAIN, more), tmp_path)
    assert deployment.diagnostics == []
    for made_by_others in (
        "Microsoft.ApiManagement/service",
        "Microsoft.CognitiveServices/accounts",
        "Microsoft.EventHub/namespaces",
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/privateDnsZones",
    ):
        assert deployment.of(made_by_others) == []
