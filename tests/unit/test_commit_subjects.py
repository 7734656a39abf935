"""The check of commits' subjects: 72 characters, in the hook and for pull requests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from local.repository import ROOT

_SCRIPT: Final = ".ci/commit-subjects"
_LONGEST: Final = "Ü" * 72


def _check(message: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / _SCRIPT, message], capture_output=True, text=True, timeout=10)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (_LONGEST, 0),
        (f"{_LONGEST}x", 1),
        (f"# a comment of git\n\n{_LONGEST}x\n", 1),
        (f"A subject\n\n{_LONGEST} is longer in the body\n", 0),
    ],
    ids=["longest", "too long", "after a comment", "long body"],
)
def test_a_subject_has_at_most_72_characters(tmp_path: Path, message: str, status: int) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text(message, "utf-8")
    checked = _check(file)
    assert checked.returncode == status
    assert (_LONGEST + "x" in checked.stderr) is bool(status)


def test_a_range_of_commits_is_checked(tmp_path: Path) -> None:
    """Each commit since the first one."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    for subject in ("First", "Second", f"{_LONGEST}x", "Last"):
        commit = [*git, "commit", "--quiet", "--allow-empty", "--message", subject]
        subprocess.run(commit, check=True)
    found = {
        commits: subprocess.run(
            [ROOT / _SCRIPT, commits], cwd=tmp_path, capture_output=True, timeout=10
        ).returncode
        for commits in ("HEAD~3..HEAD~2", "HEAD~3..HEAD", "HEAD~1..HEAD")
    }
    assert list(found.values()) == [0, 1, 0]


def test_the_hook_and_the_pull_request_use_the_script() -> None:
    hooks = _parsed(".pre-commit-config.yaml")["repos"][0]["hooks"]
    (hook,) = [hook for hook in hooks if hook.get("stages") == ["commit-msg"]]
    assert hook["entry"] == _SCRIPT
    job = _parsed(".github/workflows/pull-request.yml")["jobs"]["subjects"]
    assert job["permissions"] == {"contents": "read"}
    assert job["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert job["steps"][1]["run"] == f'{_SCRIPT} "origin/$GITHUB_BASE_REF..HEAD"'


def _parsed(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / name).read_text("utf-8"))
    return document
