"""The docs: every relative link leads to a file and a heading, and pages keep their form."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from local.repository import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README_LINES = 120
COLUMNS = 100
CELL = 250  # characters
# A how-to page fits on one screen, with its code.
HOW_TO_LINES = 60


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings as GitHub names them: lower-case, without punctuation, hyphens for spaces."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def links(page: Path) -> list[str]:
    """The targets of its links that are not addresses of other sites."""
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page)))
    return [target for target in targets if not re.match(r"https?:|mailto:", target)]


def problem_of_link(page: Path, target: str) -> str | None:
    """Why this link leads nowhere; None if it does not."""
    path, _, anchor = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.exists():
        return f"{target}: no such file"
    if anchor and anchor not in anchors(file):
        return f"{target}: no such heading"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [reason for target in links(page) if (reason := problem_of_link(page, target))] == []


# Pages name a module from the repository, or from the package that they are about.
MODULE_ROOTS = (ROOT, ROOT / "shared", ROOT / "shared" / "core")
MODULE = re.compile(r"`([\w./-]+/\w+\.py|(?:tests|prove|harness|bench)/[\w/.-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    """A page may name a folder of tests, proofs or benchmarks, too."""
    modules = MODULE.findall(page.read_text("utf-8"))
    missing = [
        module for module in modules if not any((root / module).exists() for root in MODULE_ROOTS)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_keeps_to_the_line_length(page: Path) -> None:
    """Rows of tables and lines of code may be longer; so may a line that is one word or link."""
    long = [
        line
        for line in prose(page).splitlines()
        if len(line) > COLUMNS and not line.startswith("|") and " " in line.strip("-*> ")
    ]
    assert long == []


def bars(row: str) -> int:
    """The bars that separate its cells; one within a cell is written as `\\|`."""
    return len(re.findall(r"(?<!\\)\|", row))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_is_whole(page: Path) -> None:
    """A line of dashes follows the head, and each row has as many cells as the head."""
    broken_rows: list[str] = []
    for table in re.findall(r"(?:^\|.*\n)+", prose(page), re.MULTILINE):
        head, *rows = table.splitlines()
        if not rows or not re.fullmatch(r"(\|:?-+:?)+\|", rows[0]):
            broken_rows.append(head)
        broken_rows += [row for row in rows if bars(row) != bars(head)]
    assert broken_rows == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_cell_of_a_table_is_short(page: Path) -> None:
    """Longer conditions stand below the table."""
    rows = re.findall(r"^\|.*\|$", prose(page), re.MULTILINE)
    cells = [cell for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    assert [cell for cell in cells if len(cell.strip()) > CELL] == []


def test_every_page_is_in_an_index() -> None:
    """docs/README.md leads to each of them, and to the pages that lead to a folder of their own."""
    docs = ROOT / "docs"
    main = docs / "README.md"
    indexes = {
        main: "",
        docs / "how-to" / "answer-an-alert.md": "alerts/",
        docs / "how-to" / "use-your-client.md": "clients/",
    }
    reached = {
        (index.parent / target.partition("#")[0]).resolve()
        for index, folder in indexes.items()
        for target in links(index)
        if target.startswith(folder)
    }
    assert set(docs.rglob("*.md")) - reached - {main} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES


def test_a_how_to_page_is_short() -> None:
    """Tables and background belong to reference and explanation."""
    lines = {
        str(page.relative_to(ROOT)): len(page.read_text("utf-8").splitlines())
        for page in (ROOT / "docs" / "how-to").rglob("*.md")
    }
    assert {page: count for page, count in lines.items() if count > HOW_TO_LINES} == {}


def test_pages_that_the_sources_name_exist() -> None:
    """Comments, messages and templates say `docs/….md`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    suffixes = {".py", ".bicep", ".kql", ".xml", ".yml", ".yaml", ".sh", ".toml", ".md"}
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    named = {
        f"{file.relative_to(ROOT)}: {page}"
        for file in files
        if file.suffix in suffixes and file.is_file()
        for page in re.findall(r"\bdocs/[\w/.-]+\.(?:md|json)\b", file.read_text("utf-8"))
        if not (ROOT / page).exists()
    }
    assert named == set()


def test_every_target_of_make_that_is_named_exists() -> None:
    """Targets are named in the docs, the tasks of VS Code and the pull request template."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, re.MULTILINE))
    files = [*PAGES, ROOT / ".vscode" / "tasks.json"]
    named = {
        name
        for file in files
        for name in re.findall(r"(?:`|\"|^)make ([a-z0-9]+)", file.read_text("utf-8"), re.MULTILINE)
    }
    assert named - targets == set()


@pytest.mark.parametrize(
    "name",
    [
        ".devcontainer/devcontainer.json",
        ".vscode/extensions.json",
        ".vscode/launch.json",
        ".vscode/settings.json",
        ".vscode/tasks.json",
    ],
)
def test_the_editors_files_are_json(name: str) -> None:
    """They have no comments, so that every tool reads them."""
    assert json.loads((ROOT / name).read_text("utf-8"))


def test_launch_and_deployment_start_tasks_that_exist() -> None:
    """Tasks depend on each other by label."""
    folder = ROOT / ".vscode"
    tasks = json.loads((folder / "tasks.json").read_text("utf-8"))["tasks"]
    launches = json.loads((folder / "launch.json").read_text("utf-8"))["configurations"]
    needed = {launch["preLaunchTask"] for launch in launches if "preLaunchTask" in launch}
    settings = json.loads((folder / "settings.json").read_text("utf-8"))
    needed.add(settings["azureFunctions.preDeployTask"])
    needed |= {label for task in tasks for label in task.get("dependsOn", [])}
    assert needed <= {task["label"] for task in tasks}
