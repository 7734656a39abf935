"""Every Bicep file compiles without a warning, and is formatted; what is switched off says why."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, CompiledTemplates, Evaluator

TEMPLATES = sorted([*INFRA.glob("*.bicep"), *INFRA.glob("modules/*.bicep")], key=str)
FILES = [*TEMPLATES, *INFRA.glob("*.bicepparam")]
# FNSSE_API_VERSIONS_AS_OF: the day for which the weekly workflow asks whether they are recent.
REVIEWED = os.environ.get("FNSSE_API_VERSIONS_AS_OF", "2026-11-27")


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_a_file_compiles_without_a_warning(
    file: Path, compiled_templates: CompiledTemplates
) -> None:
    """Compiler and linter report nothing about any file, and each becomes a template."""
    assert compiled_templates.messages.get(file.name, []) == []
    template = json.loads(next(compiled_templates.folder.rglob(f"{file.stem}.json")).read_text())
    assert template["$schema"].endswith("deploymentTemplate.json#")


def test_the_parameters_file_compiles_without_a_warning(
    evaluator: Evaluator, tmp_path: Path
) -> None:
    """It has a value for every parameter that needs one."""
    assert evaluator.compile_parameters(evaluator.main_parameters(tmp_path))


def test_each_module_gets_the_switch_of_the_private_network(
    compiled_templates: CompiledTemplates,
) -> None:
    """The compiled template passes `private` to each module that takes it. An evaluation cannot
    show this, because the API's module depends on the instance's tier, which only Azure knows.
    """
    template = json.loads(compiled_templates.main.read_text())
    values = [
        module["properties"]["parameters"].get(parameter)
        for module in template["resources"].values()
        if module["type"] == "Microsoft.Resources/deployments"
        for parameter in module["properties"]["template"]["parameters"]
        if parameter in {"private", "privateNetwork"}
    ]
    assert values == [{"value": "[variables('private')]"}] * 8


def test_the_gateway_may_read_the_vault_long_before_it_has_to(
    compiled_templates: CompiledTemplates,
) -> None:
    """A role takes minutes to be in effect. It is given before the app is made, which takes minutes
    as well; API Management reads the vault once the API's named value is made, after the app.
    """
    template = json.loads(compiled_templates.main.read_text())
    depends_on = {
        name: set(resource.get("dependsOn", [])) for name, resource in template["resources"].items()
    }
    assert "accessOfGateway" in depends_on["app"]
    assert "keyVault" in depends_on["accessOfGateway"]
    assert "app" in depends_on["functionKey"]
    assert {"functionKey", "app"} <= depends_on["api"]


def test_a_warning_would_be_seen(evaluator: Evaluator, tmp_path: Path) -> None:
    """An unused parameter in a module beside the same bicepconfig.json is a finding."""
    (tmp_path / "bicepconfig.json").write_text((INFRA / "bicepconfig.json").read_text())
    module = tmp_path / "careless.bicep"
    module.write_text("@description('Required. Of no use.')\nparam unused string\n")
    assert "no-unused-params" in {found["code"] for found in evaluator.compile(module)}


def test_no_linter_rule_can_stop_a_deployment() -> None:
    """azd compiles the templates for `up`, `provision` and `down` alike, with a compiler of its own
    version. A rule warns there; the tests above take no warning.
    """
    rules = _rules(INFRA)
    assert {rule["level"] for rule in rules.values()} <= {"warning", "off"}
    assert rules.keys() >= {
        "outputs-should-not-contain-secrets",
        "use-description-params",
        "what-if-short-circuiting",
    }


def test_the_templates_compile_in_ten_years_too(evaluator: Evaluator, tmp_path: Path) -> None:
    """The rule about old API versions counts days. Were it an error, the templates could neither be
    deployed nor taken down after some day, without a change by anyone.
    """
    folder = _copy_with_api_versions_as_of(tmp_path, "2036-11-27")
    assert evaluator.compile(folder / "main.bicep") == []


def test_api_versions_were_recent_at_the_review(evaluator: Evaluator, tmp_path: Path) -> None:
    """None was older than two years on that day. The weekly workflow asks the same of today."""
    folder = _copy_with_api_versions_as_of(tmp_path, REVIEWED, level="error")
    assert evaluator.compile(folder / "main.bicep") == []
    late = _copy_with_api_versions_as_of(tmp_path / "late", "2036-11-27", level="error")
    found = evaluator.compile(late / "modules" / "virtual-network.bicep")
    assert {finding["code"] for finding in found} == {"use-recent-api-versions"}


def _rules(folder: Path) -> dict[str, dict[str, str]]:
    config = json.loads((folder / "bicepconfig.json").read_text())
    rules: dict[str, dict[str, str]] = config["analyzers"]["core"]["rules"]
    return rules


def _copy_with_api_versions_as_of(folder: Path, day: str, level: str | None = None) -> Path:
    """A copy of infra/ in which the rule about old API versions believes that `day` is today."""
    shutil.copytree(INFRA, folder / "infra")
    rules = _rules(INFRA)
    rules["use-recent-api-versions"] |= {"test-today": day} | ({"level": level} if level else {})
    config = {"analyzers": {"core": {"enabled": True, "rules": rules}}}
    (folder / "infra" / "bicepconfig.json").write_text(json.dumps(config))
    return folder / "infra"


def test_what_is_switched_off_on_a_line_has_a_reason_above_it() -> None:
    """`#disable-next-line` follows a comment, or another such line; nothing is switched off for a
    whole file.
    """
    for file in FILES:
        lines = [line.strip() for line in file.read_text().splitlines()]
        assert not [line for line in lines if line.startswith("#disable-diagnostics")], file.name
        for number, line in enumerate(lines):
            if line.startswith("#disable-next-line"):
                above = next(
                    line
                    for line in reversed(lines[:number])
                    if not line.startswith("#disable-next-line")
                )
                assert above.startswith("//"), f"{file.name}:{number + 1}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_parameter_says_whether_it_is_required(file: Path) -> None:
    """The description of each parameter and of each property of a type starts with Required. or
    Optional.
    """
    text = file.read_text()
    if file.suffix == ".bicepparam":
        return
    for match in re.finditer(
        r"((?:^[ ]*@.*\n)+)[ ]*(?:param (\w+)|([\w*]+): )", text, re.MULTILINE
    ):
        what = match[2] or match[3]
        assert re.search(r"@description\('(Required|Optional)\. ", match[1]), f"{file.name}: {what}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_are_formatted(file: Path, evaluator: Evaluator) -> None:
    """`bicep format` would change nothing."""
    assert evaluator.format(file) == file.read_text()
