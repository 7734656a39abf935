"""The recipes of docs/how-to/clients, as written, against a stack.

The clients that the tests install anyway run in every `make test`. `make recipes` runs the others:
it installs each in the version that the page names, in a folder of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from harness.chat import CALLER_KEY, new_deployment
from harness.event_log import EventLog
from harness.node import node, tool
from local.repository import ROOT
from local.stack import Stack
from tests.e2e.conftest import on_embedded_alone

_HOW_TO: Final = ROOT / "docs" / "how-to"
_INDEX: Final = (_HOW_TO / "use-your-client.md").read_text("utf-8")
_ROW: Final = re.compile(
    r"^\| \[(?P<client>.+?)\]\((?P<page>.+?)\) \| (?P<packages>.+?) \| (?P<when>.+?) \|$"
)
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INSTALL_AND_RUN_S: Final = 600
# How the answer of the stand-in begins.
_ANSWER: Final = "A stream arrives in small pieces,"


@dataclass(frozen=True)
class Recipe:
    """A row of the index, and the code of its page."""

    client: str
    packages: list[str]  # "name version"
    by_make_test: bool
    language: str
    code: str


def _recipes() -> list[Recipe]:
    rows = [match for line in _INDEX.splitlines() if (match := _ROW.match(line))]
    found = []
    for row in rows:
        page = (_HOW_TO / row["page"]).read_text("utf-8")
        assert page.startswith(f"# {row['client']}\n")
        [(language, code)] = _BLOCK.findall(page)
        packages = row["packages"].split(", ")
        by_make_test = row["when"] == "by every `make test`"
        found.append(Recipe(row["client"], packages, by_make_test, language, code))
    return found


RECIPES: Final = _recipes()


def _recipe(client: str) -> Recipe:
    return next(recipe for recipe in RECIPES if recipe.client == client)


def test_every_page_has_a_row() -> None:
    listed = {
        _HOW_TO / match["page"] for line in _INDEX.splitlines() if (match := _ROW.match(line))
    }
    assert listed == set((_HOW_TO / "clients").iterdir())


def test_the_versions_of_the_installed_clients_are_the_pages() -> None:
    package = json.loads((ROOT / "tests" / "npm" / "package.json").read_text("utf-8"))
    assert _recipe("openai, Python").packages == [f"openai {version('openai')}"]
    openai_npm = package["dependencies"]["openai"]
    assert _recipe("openai, JavaScript").packages == [f"openai {openai_npm}"]


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(
            recipe, id=recipe.client, marks=() if recipe.by_make_test else pytest.mark.registry
        )
        for recipe in RECIPES
    ],
)
@on_embedded_alone
def test_a_recipe_gets_both_answers_and_makes_both_events(
    stack: Stack, events: EventLog, tmp_path: Path, recipe: Recipe
) -> None:
    deployment = new_deployment()
    environment = {
        **os.environ,
        "AZURE_OPENAI_ENDPOINT": stack.proxy_url,
        "AZURE_OPENAI_API_KEY": CALLER_KEY,
        "OPENAI_API_VERSION": "2024-10-21",
        "DEPLOYMENT": deployment,
    }
    finished = subprocess.run(
        _command(recipe, tmp_path),
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_INSTALL_AND_RUN_S,
    )
    assert finished.returncode == 0, finished.stderr
    assert recipe.language == "bash" or finished.stdout.count(_ANSWER) == 2
    for type_ in ("completion", "stream_completion"):
        event = events.one(deployment=deployment, type=type_)
        assert (event["outcome"], event["content"][: len(_ANSWER)]) == ("completed", _ANSWER)
    assert events.count(deployment=deployment) == 2


def _command(recipe: Recipe, folder: Path) -> list[str]:
    """Writes the recipe into the folder, and its packages beside it if they are not installed."""
    file = (
        folder / f"recipe.{ {'python': 'py', 'javascript': 'mjs', 'bash': 'sh'}[recipe.language] }"
    )
    file.write_text(recipe.code, "utf-8")
    if recipe.language == "bash":
        return ["bash", "-eu", str(file)]
    if recipe.language == "javascript":
        modules = folder / "node_modules"
        if recipe.by_make_test:
            modules.symlink_to(tool("openai").parent)
        else:
            npm = shutil.which("npm", path=f"{Path(node()).parent}:{os.environ['PATH']}")
            packages = [package.replace(" ", "@") for package in recipe.packages]
            subprocess.run([npm or "npm", "install", "--silent", *packages], cwd=folder, check=True)
        return [node(), str(file)]
    if recipe.by_make_test:
        return [sys.executable, str(file)]
    uv = [str(Path(sys.executable).with_name("uv")), "run", "--quiet", "--no-project"]
    packages = [f"--with={package.replace(' ', '==')}" for package in recipe.packages]
    return [*uv, f"--python={sys.executable}", *packages, str(file)]
