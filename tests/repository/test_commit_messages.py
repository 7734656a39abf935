"""The rules of commit messages: in the hook, for pull requests, and for the history."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from harness.tools import missing
from local.commit_messages import Commit, violations
from local.repository import ROOT

_MODULE: Final = "local.commit_messages"
_LONGEST: Final = "Ü" * 72
# The commits up to this one are older than the rules.
_LAST_WITHOUT_RULES: Final = "e048525087c050f60c7085ad3a3baa5555a2bbd3"


@pytest.mark.parametrize(
    ("message", "files", "broken"),
    [
        (_LONGEST, ["docs/glossary.md"], []),
        (f"{_LONGEST}x", ["docs/glossary.md"], ["more than 72 characters"]),
        (f"A subject\n\n{_LONGEST} is longer in the body\n", [], []),
        ("Reject a long name.", [], ["ends with a period"]),
        ("Say what a name is", [], ["begins with one of Call, Let, Name, Say, State"]),
        ("Sayings are tested", [], []),
        ("Reject a long name", ["view/page/page.js", "shared/errors.py"], ["shared/, view/"]),
        ("Reject a long name\n\nIt broke the log.", ["shared/errors.py"], []),
        ("Reject a name\n\nSigned-off-by: A <a@example.com>", ["infra/a.bicep"], ["no reason"]),
        ("Reject a long name", ["tests/unit/test_shared.py", "function_app.py"], []),
        (f"Let {_LONGEST}.", ["local/ask.py"], ["72", "period", "Let", "local/"]),
    ],
    ids=[
        "longest", "too-long", "long-body", "period", "vague-verb", "word-that-begins-so",
        "code-without-reason", "code-with-reason", "trailer-alone", "no-code", "all",
    ],
)  # fmt: skip
def test_each_broken_rule_is_reported(
    message: str, files: Sequence[str], broken: list[str]
) -> None:
    found = violations(Commit(message=message, files=files))
    assert len(found) == len(broken)
    assert all(words in sentence for words, sentence in zip(broken, found, strict=True))


def test_a_message_is_read_as_git_reads_it(repository: Path) -> None:
    """Comments and what `git commit --verbose` shows below the scissors do not count."""
    _stage(repository, "shared/errors.py")
    file = repository / "COMMIT_EDITMSG"
    file.write_text(
        f"# a comment of git\n\n{_LONGEST}\n\n# Changes to be committed:\n"
        "# ------------------------ >8 ------------------------\n+the difference\n",
        "utf-8",
    )
    checked = _check(repository, str(file))
    assert checked.returncode == 1
    assert checked.stderr.splitlines() == [
        _LONGEST,
        "  The commit changes shared/ and its body gives no reason.",
    ]


def test_a_range_of_commits_is_checked(repository: Path) -> None:
    """Each commit since the first one, with the files that it changes."""
    _commit(repository, "First")
    _commit(repository, "Second")
    _stage(repository, "shared/errors.py")
    _commit(repository, "Third")
    _stage(repository, "shared/relay/rejection.py")
    _commit(repository, "Fourth\n\n# The reason")
    ranges = ("HEAD~3..HEAD~2", "HEAD~2..HEAD~1", "HEAD~3..HEAD", "HEAD~1..HEAD")
    assert [_check(repository, commits).returncode for commits in ranges] == [0, 1, 1, 0]


def test_a_range_that_does_not_exist_fails(repository: Path) -> None:
    """A wrong name of a branch must not pass for a range without commits."""
    assert _check(repository, "no-such-branch..HEAD").returncode != 0


def test_the_hook_and_the_pull_request_use_the_module() -> None:
    hooks = _parse(".pre-commit-config.yaml")["repos"][0]["hooks"]
    (hook,) = [hook for hook in hooks if hook.get("stages") == ["commit-msg"]]
    assert hook["entry"] == f".venv/bin/python -m {_MODULE}"
    job = _parse(".github/workflows/pull-request.yml")["jobs"]["messages"]
    assert job["permissions"] == {"contents": "read"}
    assert job["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert job["steps"][-1]["run"] == f'python -m {_MODULE} "origin/$GITHUB_BASE_REF..HEAD"'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An empty repository."""
    _git(tmp_path, "init", "--quiet")
    return tmp_path


def _git(repository: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", "-C", str(repository), *identity, *arguments], check=True)


def _stage(repository: Path, name: str) -> None:
    file = repository / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    _git(repository, "add", name)


def _commit(repository: Path, message: str) -> None:
    # verbatim: a line of the body that begins with # is kept
    _git(repository, "commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-m", message)


def _check(repository: Path, argument: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "local" / "commit_messages.py", argument],
        cwd=repository,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )


def _parse(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / name).read_text("utf-8"))
    return document


def test_the_commits_of_this_repository_keep_the_rules() -> None:
    ancestry = ["git", "merge-base", "--is-ancestor", _LAST_WITHOUT_RULES, "HEAD"]
    if subprocess.run(ancestry, cwd=ROOT, capture_output=True, check=False).returncode:
        missing("needs a clone with its history: git fetch --unshallow")
    result = subprocess.run(
        [sys.executable, "-m", _MODULE, f"{_LAST_WITHOUT_RULES}..HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
