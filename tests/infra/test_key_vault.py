"""The vault (key-vault.bicep)."""

from __future__ import annotations

from pathlib import Path

from tests.infra import switches
from tests.infra.bicep import Evaluator
from tests.infra.switches import PLAIN


def test_a_vault_can_be_purged_unless_it_is_protected(evaluator: Evaluator, tmp_path: Path) -> None:
    """`azd down --purge` and `azd up` again would otherwise find the vault's name taken for 90
    days. Key Vault refuses the value false.
    """
    for line, vault in (
        ("", (7, None)),
        ("param keyVaultPurgeProtection = true", (90, True)),
    ):
        deployment = evaluator.evaluate(switches.parameters(PLAIN, line), tmp_path)
        properties = deployment.one("Microsoft.KeyVault/vaults")["properties"]
        assert (
            properties["softDeleteRetentionInDays"],
            properties["enablePurgeProtection"],
        ) == vault
