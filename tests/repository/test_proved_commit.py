"""A tag is released only with the code that the proofs were measured on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest
import yaml

from local.proved_commit import (
    PROOF,
    PROVED_CODE,
    NotProved,
    changed_since_proof,
    main,
    measured_commit,
)
from local.repository import ROOT

_TAG: Final = "v1.0.0"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with code and a page that was measured at its first commit."""
    monkeypatch.chdir(tmp_path)
    _git("init", "--quiet")
    _write("shared/errors.py", "first")
    _commit()
    _write(PROOF, f"**Holds.**\n\nMeasured at commit {_head()[:12]}, Python 3.13.0, 2 CPUs.\n")
    _commit()
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_a_tag_with_the_measured_code_is_proved(capsys: pytest.CaptureFixture[str]) -> None:
    """Docs, tests and tools may change after the proof."""
    _write("tests/unit/test_errors.py", "second")
    _write("CHANGELOG.md", "second")
    _commit()
    _git("tag", _TAG)
    assert main(_TAG) == 0
    assert "has the code of" in capsys.readouterr().out


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("name", ["shared/errors.py", "blueprints/proxy.py", *PROVED_CODE[2:]])
def test_a_tag_with_other_code_is_not_proved(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _write(name, "second")
    _commit()
    _git("tag", _TAG)
    _write("host.json", "after the tag")
    _commit()
    assert changed_since_proof(_TAG)[1] == [name]
    assert main(_TAG) == 1
    assert name in capsys.readouterr().out


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ('"""Errors."""\n\n\ndef one() -> int:  # a comment\n    return 1\n', []),
        ('def one() -> int:\n    """One."""\n    return 1\n', []),
        ("def one() -> int:\n    return 2\n", ["shared/errors.py"]),
        ("def one() -> int:\n", ["shared/errors.py"]),
    ],
    ids=["module-docstring", "docstring", "code", "no-python"],
)
def test_comments_and_docstrings_may_change_after_the_proof(
    source: str, changed: list[str]
) -> None:
    _write("shared/errors.py", "def one() -> int:\n    return 1\n")
    _commit()
    _write(PROOF, f"Measured at commit {_head()[:12]}, Python 3.13.0.\n")
    _write("shared/errors.py", source)
    _commit()
    assert changed_since_proof("HEAD")[1] == changed


@pytest.mark.usefixtures("repository")
def test_a_measured_commit_that_is_gone_proves_nothing() -> None:
    """It is gone after a rebase, or in a clone without history."""
    _write(PROOF, "Measured at commit 0123456789ab, Python 3.13.0.\n")
    _commit()
    with pytest.raises(NotProved, match="0123456789ab, which does not exist"):
        changed_since_proof("HEAD")


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ("Nothing was measured.\n", "names no commit"),
        ("Measured at commit 0123456789ab+, Python 3.13.0.\n", "not committed"),
    ],
    ids=["no-commit", "uncommitted-changes"],
)
def test_a_page_without_a_commit_proves_nothing(proof: str, reason: str) -> None:
    with pytest.raises(NotProved, match=reason):
        measured_commit(proof)


def test_the_page_of_the_proofs_names_a_commit() -> None:
    """It is read from the page that prove/report.py has written."""
    assert re.fullmatch("[0-9a-f]{12}", measured_commit((ROOT / PROOF).read_text("utf-8")))


def test_the_release_compares_before_it_publishes() -> None:
    """The workflow has the whole history, and so the measured commit."""
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))
    steps = workflow["jobs"]["release"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    commands = [step.get("run", "") for step in steps]
    (compared,) = [step for step in steps if "local.proved_commit" in step.get("run", "")]
    assert compared == {
        "name": "Compare the tag with the commit of the proofs",
        "run": 'python -m local.proved_commit "$TAG"',
        "env": {"TAG": "${{ github.ref_name }}"},
    }
    assert commands.index(compared["run"]) < next(
        index for index, command in enumerate(commands) if "gh release create" in command
    )


def _write(name: str, text: str) -> None:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _commit() -> None:
    _git("add", ".")
    _git("commit", "--quiet", "--message", "A change")


def _head() -> str:
    return _git("rev-parse", "HEAD").strip()


def _git(*arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    return subprocess.run(
        ["git", *identity, *arguments], capture_output=True, text=True, check=True
    ).stdout
