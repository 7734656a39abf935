"""azd's configuration and the GitHub Actions workflows: their required contents, and the findings
of linters.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.repository import ROOT
from tests.support.package import DEPLOYED

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
WORKFLOW = ROOT / ".github" / "workflows" / "azure-dev.yml"
ZIZMOR = ("--offline", "--no-progress")
# Without the linters of shell and Python that a machine may have: the same verdict on every
# machine.
ACTIONLINT = ("-no-color", "-shellcheck=", "-pyflakes=")
# azd sets them itself, in the environment of its hooks and for `azd pipeline config`.
AZDS_OWN = {"AZURE_ENV_NAME", "AZURE_LOCATION", "AZURE_SUBSCRIPTION_ID"}
# infra/hooks/preprovision.py sets it before each deployment.
OF_THE_HOOK = {"EVENTHUB_CURRENT_CAPACITY"}


def parse(file: Path) -> dict[str, Any]:
    document: dict[Any, Any] = yaml.safe_load(file.read_text())
    # YAML 1.1 reads `on` as true
    return {"on" if name is True else name: value for name, value in document.items()}


@pytest.fixture(scope="module")
def jobs() -> dict[str, dict[str, Any]]:
    found_jobs: dict[str, dict[str, Any]] = parse(WORKFLOW)["jobs"]
    return found_jobs


def lint(
    linter: str, *arguments: str | Path, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The findings of a linter of requirements-dev.txt about files, or about `text` as its standard
    input.
    """
    program = Path(sys.executable).with_name(linter)
    return subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, cwd=ROOT, timeout=60
    )


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_azd_finds_the_workflow() -> None:
    """`azd pipeline config` looks for this name."""
    assert WORKFLOW in WORKFLOWS
    assert parse(ROOT / "azure.yaml")["pipeline"]["provider"] == "github"


def test_zizmor_has_nothing_to_say() -> None:
    """It checks the form of workflows, pins, permissions and injections."""
    run = lint("zizmor", *ZIZMOR, *WORKFLOWS)
    assert run.returncode == 0, run.stdout + run.stderr


def test_zizmor_would_have() -> None:
    """An action that is named by a tag is a finding: the test above can fail."""
    run = lint(
        "zizmor",
        *ZIZMOR,
        "-",
        text=re.sub(r"@[0-9a-f]{40} # (v[\d.]+)", r"@\1", WORKFLOW.read_text()),
    )
    assert run.returncode > 0
    assert "unpinned-uses" in run.stdout


def test_actionlint_has_nothing_to_say() -> None:
    """It knows the types of expressions and what each event and runner has."""
    run = lint("actionlint", *ACTIONLINT, *WORKFLOWS)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("written", "broken", "rule"),
    [
        ("vars.AZURE_WHAT_IF_CLIENT_ID != ''", "vars.AZURE_WHAT_IF_CLIENT_ID = ''", "expression"),
        ("github.ref ==", "github.reff ==", "expression"),
        ("needs: [test, what-if]", "needs: [test, what_if]", "job-needs"),
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-24.40", "runner-label"),
        ("branches: [main]", "branch: [main]", "syntax-check"),
        ("id-token: write", "id-tokens: write", "permissions"),
    ],
)
def test_actionlint_would_have(written: str, broken: str, rule: str) -> None:
    """A slip of the pen in the workflow is a finding."""
    workflow = WORKFLOW.read_text()
    assert written in workflow
    run = lint("actionlint", *ACTIONLINT, "-", text=workflow.replace(written, broken, 1))
    assert run.returncode == 1, run.stderr
    assert f"[{rule}]" in run.stdout


def test_actions_are_pinned_to_a_commit() -> None:
    """Every `uses` names a commit, followed by its version in a comment."""
    uses = [
        line.strip()
        for file in WORKFLOWS
        for line in file.read_text().splitlines()
        if "uses:" in line
    ]
    assert len(uses) >= 5
    for line in uses:
        assert re.fullmatch(r"- uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_permissions_are_minimal(jobs: dict[str, dict[str, Any]]) -> None:
    """The workflow has no permissions by default, every job may read the repository, and only the
    jobs that sign in to Azure get a token for it.
    """
    assert parse(WORKFLOW)["permissions"] == {}
    expected = {
        name: {"contents": "read"} | ({"id-token": "write"} if name != "test" else {})
        for name in jobs
    }
    assert {name: job["permissions"] for name, job in jobs.items()} == expected


def test_the_newest_versions_are_tried_each_week() -> None:
    """A weekly workflow runs the tests against the newest versions of all pinned packages, with
    read access only.
    """
    workflow = parse(ROOT / ".github" / "workflows" / "newest-dependencies.yml")
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert job["steps"][0]["with"] == {"persist-credentials": False}
    assert "schedule" in workflow["on"]
    upgraded = set(commands(workflow["jobs"]["test"]).split())
    pins = re.findall(r"^([\w-]+)==", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    assert len(pins) > 5
    assert {*pins, "azure-functions-runtime", "starlette", "uvicorn"} <= upgraded
    for folder in ("azurite", "event_hubs"):  # the second one patches rhea
        package = json.loads((ROOT / "emulators" / folder / "package.json").read_text("utf-8"))
        assert {f"{name}@latest" for name in package["dependencies"]} <= upgraded, folder


def test_the_weekly_run_checks_api_versions() -> None:
    """It compares them with its own day. The linter of a deployment does not look at them, so that
    no day ends deployments.
    """
    workflow = parse(ROOT / ".github" / "workflows" / "newest-dependencies.yml")
    job = workflow["jobs"]["api-versions"]
    assert 'FNSSE_API_VERSIONS_AS_OF="$(date --utc +%F)"' in commands(job)
    (selected,) = re.findall(r"tests/infra/test_bicep\.py -k (\w+)", commands(job))
    assert selected in (ROOT / "tests" / "infra" / "test_bicep.py").read_text()


def test_there_is_no_secret() -> None:
    """Azure trusts the repository's OIDC tokens."""
    for file in WORKFLOWS:
        assert "secrets." not in file.read_text()


def test_nothing_is_deployed_that_was_not_tested_and_shown(jobs: dict[str, dict[str, Any]]) -> None:
    """test, then what-if, then, on main alone and with an approval if the environment asks for one,
    the deployment.
    """
    assert jobs["what-if"]["needs"] == "test"
    assert jobs["deploy"]["needs"] == ["test", "what-if"]
    assert "az deployment group what-if" in commands(jobs["what-if"])
    assert jobs["deploy"]["environment"] == "production"
    condition = jobs["deploy"]["if"]
    assert "refs/heads/main" in condition
    assert "pull_request" in condition
    assert "needs.test.result == 'success'" in condition
    assert "needs.what-if.result != 'failure'" in condition
    assert re.search(r"azd provision .*\n.*azd deploy", commands(jobs["deploy"]))


def test_a_pull_request_gets_no_identity(
    jobs: dict[str, dict[str, Any]],
) -> None:
    """Anybody who may push a branch runs its code there, before any approval. The identity that may
    assign roles signs in within the protected environment alone.
    """
    for name, job in jobs.items():
        privileged = "$AZURE_CLIENT_ID" in commands(job)
        assert privileged is (job.get("environment") == "production"), name
    assert "azd" not in commands(jobs["what-if"]), "it would run the branch's hooks"
    assert "--validation-level ProviderNoRbac" in commands(jobs["what-if"])


def test_the_whole_suite_runs_on_released_tools(jobs: dict[str, dict[str, Any]]) -> None:
    """Core Tools and Bicep by exact version; a tool that is missing fails a test."""
    assert re.search(r"azure-functions-core-tools@4\.\d+\.\d+\s", commands(jobs["test"]))
    older, newest = re.findall(
        r"az bicep install --version v(\d+)\.(\d+)\.(\d+)\s", commands(jobs["test"])
    )
    assert older < newest
    (test,) = [step for step in jobs["test"]["steps"] if step.get("run") == "make test THOROUGH=1"]
    assert test["env"] == {"FNSSE_REQUIRE_TOOLS": "1", "FNSSE_WITHOUT_TOOLS": "policycheck"}


def test_jobs_run_on_a_named_image_and_persist_no_token(
    jobs: dict[str, dict[str, Any]],
) -> None:
    """An image that does not change by itself; only deployments may run elsewhere. No later step
    finds the checkout's token.
    """
    assert {name: job["runs-on"] for name, job in jobs.items()} == {
        "test": "ubuntu-24.04",
        "what-if": "ubuntu-24.04",
        "deploy": "${{ vars.DEPLOY_RUNNER || 'ubuntu-24.04' }}",
    }
    for name, job in jobs.items():
        assert job["steps"][0]["uses"].startswith("actions/checkout@")
        history = {"fetch-depth": 0} if name == "test" else {}  # which its tests look at
        assert job["steps"][0]["with"] == {"persist-credentials": False, **history}


def test_a_release_has_what_a_deployment_has() -> None:
    """Everything that .funcignore lets through."""
    (line,) = re.findall(
        r"zip --quiet .*\n +(.*) --exclude",
        (ROOT / ".github" / "workflows" / "release.yml").read_text(),
    )
    assert set(line.split()) == {*DEPLOYED, ".python_packages"}


def test_azds_hooks_are_there_at_their_moments() -> None:
    """One runs before anything is made, because the template needs what it finds out; one before
    the code is packaged; and one after it was deployed.
    """
    azure = parse(ROOT / "azure.yaml")
    hooks = azure["hooks"] | azure["services"]["app"]["hooks"]
    # In Python: azd runs them on Windows, too, and in an environment of their own.
    assert hooks == {
        moment: {"run": f"infra/hooks/{moment}.py"}
        for moment in ("preprovision", "postprovision", "prepackage", "postdeploy")
    }
    for hook in hooks.values():
        assert (ROOT / hook["run"]).is_file()
    assert (ROOT / "infra" / "hooks" / "requirements.txt").is_file(), "or azd takes the app's"


def test_azd_is_new_enough_for_its_options() -> None:
    """Hooks in Python, a question before it deletes a group that it did not make, and federated
    credentials with GitHub's immutable subjects (1.30.0). The workflow brings such a version.
    """
    (least,) = re.findall(r">= (\d+)\.(\d+)", parse(ROOT / "azure.yaml")["requiredVersions"]["azd"])
    (brought,) = re.findall(r"version: (\d+)\.(\d+)\.\d+\n", WORKFLOW.read_text())
    oldest = (1, 30)
    assert tuple(map(int, brought)) >= tuple(map(int, least)) >= oldest


def test_files_for_linux_have_its_line_ends() -> None:
    """A checkout on Windows has them as well. A script with CRLF does not run on Linux, and a
    policy or a query is deployed as it is.
    """
    files = subprocess.run(
        ["git", "ls-files", "infra", ".ci", "local/*install*", "*.sh", "*.py", ".funcignore"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    texts = [file for file in files if not file.endswith((".json", ".txt", ".in"))]
    ends = subprocess.run(
        ["git", "check-attr", "eol", "--", *texts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(ends) == len(texts) > 100
    assert [line for line in ends if not line.endswith("eol: lf")] == []


@pytest.mark.parametrize(
    "command", ["az identity federated-credential", "az ad app federated-credential"]
)
def test_the_identity_trusts_githubs_own_prefix(command: str) -> None:
    """azd makes a managed identity or an app registration; repositories made since July 2026 have
    numbers in the subjects of their tokens.
    """
    page = (ROOT / "docs" / "how-to" / "deploy-with-github-actions.md").read_text()
    (steps,) = re.findall(r"^3\..*?(?=^4\.)", page, re.MULTILINE | re.DOTALL)
    assert "actions/oidc/customization/sub" in steps
    creation = steps[steps.index(command) :]
    assert "$prefix:environment:production" in creation.split("\n   #")[0]


def test_the_hooks_of_a_deployment_can_ask_azure(jobs: dict[str, dict[str, Any]]) -> None:
    """They ask by the Azure CLI, which does not share azd's sign-in. What a change would do is
    shown with the hub's units of today.
    """
    signed_in = commands(jobs["deploy"])
    assert signed_in.index("az login --service-principal") < signed_in.index("azd provision")
    shown = commands(jobs["what-if"])
    assert shown.index("export EVENTHUB_CURRENT_CAPACITY") < shown.index("what-if")


def test_what_azd_hands_on_is_what_the_parameters_read() -> None:
    """azd's variables, the workflow's environment and infra/*.bicepparam name the same."""
    handed_on = set(parse(ROOT / "azure.yaml")["pipeline"]["variables"])
    environment = set(parse(WORKFLOW)["env"])
    assert handed_on | AZDS_OWN <= environment
    for file in (ROOT / "infra").glob("*.bicepparam"):
        read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", file.read_text()))
        assert read - OF_THE_HOOK <= handed_on | AZDS_OWN, file.name


def test_azd_deploys_the_app_that_the_template_tags() -> None:
    """azd finds the app by its tag azd-service-name and deploys what .funcignore leaves."""
    (name, service), *others = parse(ROOT / "azure.yaml")["services"].items()
    assert others == []
    assert (service["project"], service["host"], service["language"]) == (".", "function", "python")
    for file in (ROOT / "infra" / "modules").glob("app.bicep"):
        assert f"'azd-service-name': '{name}'" in file.read_text()
