"""The Bicep CLI: lints and compiles what is in infra/, and evaluates a whole deployment without
Azure.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from harness.tools import tool_path

INFRA: Final = Path(__file__).resolve().parents[2] / "infra"
TENANT: Final = "22222222-2222-4222-8222-222222222222"
SUBSCRIPTION: Final = "11111111-1111-4111-8111-111111111111"
GROUP: Final = "contoso"
GROUP_ID: Final = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"

_SCOPE: Final = {
    "tenantId": TENANT,
    "subscriptionId": SUBSCRIPTION,
    "resourceGroup": GROUP,
    "location": "swedencentral",
    # modules' outputs are followed to their resources only where it is known
    "deploymentName": "main",
}
_ROLE_ASSIGNMENT: Final = "/providers/Microsoft.Authorization/roleAssignments/"
MESSAGE: Final = re.compile(r"^(.+?)\(\d+,\d+\) : (?:Error|Warning|Info) .*$", re.MULTILINE)


def run(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `bicep ARGUMENTS`. Skips the test if the CLI is not installed."""
    done = subprocess.run(
        [tool_path("bicep"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
    )
    if check and done.returncode != 0:
        raise AssertionError(f"bicep {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}")
    return done


def _environment() -> dict[str, str]:
    # Without it .NET looks for ICU, which a bare machine lacks.
    return {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}


class EvaluationError(Exception):
    """The Bicep CLI cannot evaluate the deployment. The message holds its output."""


@dataclass(frozen=True)
class Deployment:
    """An evaluated deployment. What only Azure knows is an expression in it:
    "[reference('/subscriptions/…').clientId]".
    """

    resources: dict[str, dict[str, Any]]  # by resource id
    outputs: dict[str, Any]
    diagnostics: list[str]

    def of(self, resource_type: str) -> list[dict[str, Any]]:
        """All resources of that type."""
        return [
            resource for resource in self.resources.values() if resource["type"] == resource_type
        ]

    def one(self, resource_type: str) -> dict[str, Any]:
        """The one resource of that type."""
        (resource,) = self.of(resource_type)
        return resource

    @cached_property
    def app_settings(self) -> dict[str, str]:
        """The settings of the function app."""
        listed = self.one("Microsoft.Web/sites")["properties"]["siteConfig"]["appSettings"]
        return {setting["name"]: setting["value"] for setting in listed}

    @cached_property
    def assignments(self) -> list[tuple[str, dict[str, Any]]]:
        """Role assignments: the resource that each is on, and its properties."""
        return [
            (resource_id.rpartition(_ROLE_ASSIGNMENT)[0], resource["properties"])
            for resource_id, resource in self.resources.items()
            if resource["type"] == "Microsoft.Authorization/roleAssignments"
        ]

    @cached_property
    def mentioned_ids(self) -> set[str]:
        """Every resource id that stands anywhere, those of role definitions left out."""
        text = json.dumps([list(self.resources.values()), self.outputs])
        ids = re.findall(r"/subscriptions/[^\s'\"\\]+/providers/[^\s'\"\\,;]+", text)
        return {
            resource_id
            for resource_id in ids
            if "/roleDefinitions/" not in resource_id and _ROLE_ASSIGNMENT not in resource_id
        }


def gateway_properties(deployment: Deployment, end: str) -> dict[str, Any]:
    """The properties of the one resource of API Management whose id ends in `/` and `end`."""
    (resource,) = [
        resource
        for resource_id, resource in deployment.resources.items()
        if resource_id.endswith(f"/{end}") and "/Microsoft.ApiManagement/service/" in resource_id
    ]
    properties: dict[str, Any] = resource["properties"]
    return properties


def _text(diagnostics: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"{found['level']} {found['code']}: {found['message']}" for found in diagnostics
    )


def _readable(resource_id: str) -> str:
    """The id of a role assignment: its name holds an object id, which only Azure knows."""
    expression = re.fullmatch(
        r"\[extensionResourceId\('([^']+)', '([^']+)', (guid\(.*\))\)\]", resource_id
    )
    return "{}/providers/{}/{}".format(*expression.groups()) if expression else resource_id


@dataclass(frozen=True)
class CompiledTemplates:
    """The ARM templates that the compiler makes of all files of infra/."""

    folder: Path  # of the templates
    messages: dict[str, list[str]]  # of compiler and linter, by the name of the file

    @property
    def main(self) -> Path:
        """The template of main.bicep."""
        return self.folder / "main.json"


def compile_all(folder: Path) -> CompiledTemplates:
    """Compile every Bicep file of infra/ into a folder, and lint it."""
    done = run("build", "--pattern", INFRA / "**/*.bicep", "--outdir", folder, check=False)
    messages: dict[str, list[str]] = {}
    for match in MESSAGE.finditer(done.stdout + done.stderr):
        messages.setdefault(Path(match[1]).name, []).append(match[0])
    return CompiledTemplates(folder, messages)


class Evaluator:
    """`bicep jsonrpc`: what `bicep snapshot` does, but the CLI starts once for all deployments, and
    main.bicep is compiled once (an evaluation takes 0.2 s; with main.bicep in it, 1.2).
    """

    def __init__(self, template: Path) -> None:
        """`template`: that of main.bicep."""
        self._template = template
        command = [tool_path("bicep"), "jsonrpc", "--stdio"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
        )
        self._calls = 0

    def close(self) -> None:
        """End the CLI."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def evaluate(self, parameters: str, folder: Path) -> Deployment:
        """The resources that infra/main.bicep deploys with these parameters. Raises EvaluationError
        if the CLI does not evaluate it.
        """
        file = folder / "deployment.bicepparam"
        file.write_text(f"using '{os.path.relpath(self._template, folder)}'\n{parameters}")
        return self.snapshot(file)

    def main_parameters(self, folder: Path, **environment: str) -> Path:
        """main.bicepparam as it is with these variables in the environment, which the running CLI
        does not see.
        """
        text = (INFRA / "main.bicepparam").read_text()
        text = text.replace(
            "using 'main.bicep'", f"using '{os.path.relpath(self._template, folder)}'"
        )
        for name, value in environment.items():
            text = text.replace(f"readEnvironmentVariable('{name}', '')", f"'{value}'")
        file = folder / "main.bicepparam"
        file.write_text(text)
        return file

    def compile_parameters(self, file: Path) -> dict[str, Any]:
        """The values of a parameters file by name. Raises EvaluationError if it has problems, those
        of the linter included.
        """
        response = self._call("bicep/compileParams", {"path": str(file), "parameterOverrides": {}})
        result = response["result"]
        if result["diagnostics"] or not result["success"]:
            raise EvaluationError(_text(result["diagnostics"]))
        values = json.loads(result["parameters"])["parameters"]
        return {name: parameter["value"] for name, parameter in values.items()}

    def compile(self, file: Path) -> list[dict[str, Any]]:
        """The findings of compiler and linter about a Bicep file and its modules: `source`, `level`
        (Error, Warning, Info), `code`, `message`.
        """
        result = self._call("bicep/compile", {"path": str(file)})["result"]
        found: list[dict[str, Any]] = result["diagnostics"]
        assert result["success"] is not any(finding["level"] == "Error" for finding in found)
        return found

    def format(self, file: Path) -> str:
        """The text that `bicep format` would make of a file."""
        return str(self._call("bicep/format", {"path": str(file)})["result"]["contents"])

    def snapshot(self, file: Path) -> Deployment:
        """The resources that a parameters file deploys. Raises EvaluationError if the CLI does not
        evaluate it.
        """
        response = self._call("bicep/getSnapshot", {"path": str(file), "metadata": _SCOPE})
        if "error" in response:
            message = response["error"]["message"]
            if message == "Compilation failed":
                self.compile_parameters(file)  # raises, with the reason
            raise EvaluationError(message)
        snapshot = json.loads(response["result"]["snapshot"])
        for resource in snapshot["predictedResources"]:
            resource["id"] = _readable(resource["id"])
        resources = {resource["id"]: resource for resource in snapshot["predictedResources"]}
        assert len(resources) == len(snapshot["predictedResources"]), "two resources of one id"
        return Deployment(
            resources=resources, outputs=snapshot["outputs"], diagnostics=snapshot["diagnostics"]
        )

    def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._calls += 1
        body = json.dumps(
            {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": parameters}
        ).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()
        length = 0
        while line := self._process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        response: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return response
