"""Every Bicep file compiles without a warning, and is formatted; what is switched off says why."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.infra.bicep import INFRA, run

FILES = sorted(
    [*INFRA.glob("*.bicep"), *INFRA.glob("modules/*.bicep"), *INFRA.glob("*.bicepparam")], key=str
)
# FNSSE_API_VERSIONS_AS_OF: the day for which the weekly workflow asks whether they are recent.
REVIEWED = os.environ.get("FNSSE_API_VERSIONS_AS_OF", "2026-11-27")
WARNING = re.compile(r"^(.+?)\(\d+,\d+\) : (?:Error|Warning|Info) .*$", re.MULTILINE)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    """The folder of compiled templates, and the messages of compiler and linter by file name."""
    folder = tmp_path_factory.mktemp("compiled")
    messages: dict[str, list[str]] = {}
    for done in (
        run("build", "--pattern", INFRA / "**/*.bicep", "--outdir", folder, check=False),
        run("lint", INFRA / "main.bicepparam", check=False),
    ):
        for match in WARNING.finditer(done.stdout + done.stderr):
            messages.setdefault(Path(match[1]).name, []).append(match[0])
    return folder, messages


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_compiles_without_a_warning(
    file: Path, compiled: tuple[Path, dict[str, list[str]]]
) -> None:
    """Compiler and linter report nothing about any file, and each Bicep file becomes a template."""
    folder, messages = compiled
    assert messages.get(file.name, []) == []
    if file.suffix == ".bicep":
        template = json.loads(next(folder.rglob(f"{file.stem}.json")).read_text())
        assert template["$schema"].endswith("deploymentTemplate.json#")


def test_each_module_gets_the_switch_of_the_private_network(
    compiled: tuple[Path, dict[str, list[str]]],
) -> None:
    """The compiled template passes `private` to each module that takes it. An evaluation cannot
    show this, because the API's module depends on the instance's tier, which only Azure knows.
    """
    template = json.loads((compiled[0] / "main.json").read_text())
    values = [
        module["properties"]["parameters"].get(parameter)
        for module in template["resources"].values()
        if module["type"] == "Microsoft.Resources/deployments"
        for parameter in module["properties"]["template"]["parameters"]
        if parameter in {"private", "privateNetwork"}
    ]
    assert values == [{"value": "[variables('private')]"}] * 7


def test_the_gateway_may_read_the_vault_long_before_it_has_to(
    compiled: tuple[Path, dict[str, list[str]]],
) -> None:
    """A role takes minutes to be in effect. It is given before the app is made, which takes minutes
    as well; API Management reads the vault once the API's named value is made, after the app.
    """
    template = json.loads((compiled[0] / "main.json").read_text())
    depends_on = {
        name: set(resource.get("dependsOn", [])) for name, resource in template["resources"].items()
    }
    assert "accessOfGateway" in depends_on["app"]
    assert "keyVault" in depends_on["accessOfGateway"]
    assert "app" in depends_on["functionKey"]
    assert {"functionKey", "app"} <= depends_on["api"]


def test_a_warning_would_be_seen(tmp_path: Path) -> None:
    """An unused parameter in a module beside the same bicepconfig.json is a finding."""
    (tmp_path / "bicepconfig.json").write_text((INFRA / "bicepconfig.json").read_text())
    module = tmp_path / "careless.bicep"
    module.write_text("@description('Required. Of no use.')\nparam unused string\n")
    done = run("lint", module, check=False)
    assert [
        match[0]
        for match in WARNING.finditer(done.stdout + done.stderr)
        if "no-unused-params" in match[0]
    ]


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


def test_the_templates_compile_in_ten_years_too(tmp_path: Path) -> None:
    """The rule about old API versions counts days. Were it an error, the templates could neither be
    deployed nor taken down after some day, without a change by anyone.
    """
    folder = _copy_with_api_versions_as_of(tmp_path, "2036-11-27")
    done = run("build", folder / "main.bicep", "--stdout", check=False)
    assert done.returncode == 0, done.stderr
    assert WARNING.findall(done.stderr) == []


def test_api_versions_were_recent_when_the_templates_were_last_reviewed(tmp_path: Path) -> None:
    """None was older than two years on that day. The weekly workflow asks the same of today."""
    folder = _copy_with_api_versions_as_of(tmp_path, REVIEWED, level="error")
    done = run("build", folder / "main.bicep", "--stdout", check=False)
    assert WARNING.findall(done.stderr) == []
    late = _copy_with_api_versions_as_of(tmp_path / "late", "2036-11-27", level="error")
    assert run("build", late / "main.bicep", "--stdout", check=False).returncode == 1


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


def test_files_are_formatted(tmp_path: Path) -> None:
    """`bicep format` would change nothing."""
    shutil.copytree(INFRA, tmp_path / "infra")
    run("format", "--pattern", tmp_path / "infra/**/*.bicep*")
    for file in FILES:
        assert (tmp_path / "infra" / file.relative_to(INFRA)).read_text() == file.read_text(), (
            f"bicep format {file.name}"
        )
