"""The rules of commit messages: a subject that says what changes, and a reason for changed code.

python -m local.commit_messages FILE          a message, as git's hook commit-msg gives it
python -m local.commit_messages BASE..HEAD    the commits of a range
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LONGEST_SUBJECT: Final = 72
# They say how a thing is now written or called, and not what changes for whom.
VAGUE_VERBS: Final = ("Call", "Let", "Name", "Say", "State")
# A change of these folders has a reason.
CODE_FOLDERS: Final = ("blueprints", "emulators", "infra", "local", "shared", "view")

_SCISSORS: Final = re.compile(r"^# -+ >8 -+\n.*", re.MULTILINE | re.DOTALL)  # git commit --verbose
_COMMENT: Final = re.compile(r"^#.*\n?", re.MULTILINE)
_TRAILER: Final = re.compile(r"^[A-Z][A-Za-z-]+-by: .*\n?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit, or one that is about to be made."""

    message: str  # without git's comments
    files: Sequence[str]  # changed, relative to the repository

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().partition("\n")[0]

    @property
    def reason(self) -> str:
        """The body without trailers such as Signed-off-by; "" if there is none."""
        return _TRAILER.sub("", self.message.strip().partition("\n")[2]).strip()


def violations(commit: Commit) -> list[str]:
    """The rules that the commit breaks, each as a sentence; [] if it keeps all of them."""
    found = []
    if len(commit.subject) > LONGEST_SUBJECT:
        found.append(f"The subject has more than {LONGEST_SUBJECT} characters.")
    if commit.subject.endswith("."):
        found.append("The subject ends with a period.")
    if commit.subject.partition(" ")[0] in VAGUE_VERBS:
        found.append(f"The subject begins with one of {', '.join(VAGUE_VERBS)}.")
    if not commit.reason and (folders := _code_folders(commit.files)):
        found.append(f"The commit changes {', '.join(folders)} and its body gives no reason.")
    return found


def _code_folders(files: Sequence[str]) -> list[str]:
    """The folders of code among those of the files."""
    folders = {file.partition("/")[0] for file in files}
    return [f"{folder}/" for folder in CODE_FOLDERS if folder in folders]


def message_of(text: str) -> str:
    """The message in a file that git gives to an editor or to a hook."""
    return _COMMENT.sub("", _SCISSORS.sub("", text))


def _commits(argument: str) -> Iterator[Commit]:
    """The commit that is being made with the message in a file, or those of a range."""
    if (file := Path(argument)).is_file():
        files = _git("diff", "--cached", "--name-only").splitlines()
        yield Commit(message=message_of(file.read_text("utf-8")), files=files)
        return
    # One call for all: NUL, the message, NUL, the changed files. Neither can hold a NUL.
    log = _git("log", "--no-merges", "--name-only", "--no-renames", "--format=%x00%B%x00", argument)
    _, *parts = log.split("\0")
    for message, names in itertools.batched(parts, 2, strict=True):
        yield Commit(message=message, files=names.strip().splitlines())


def _git(*arguments: str) -> str:
    command = ["git", "-c", "core.quotePath=false", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout


def main(argument: str) -> int:
    """Print what is wrong with each commit; the exit status, 1 if anything is."""
    failures = [(commit, found) for commit in _commits(argument) if (found := violations(commit))]
    for commit, found in failures:
        print("\n  ".join([commit.subject, *found]), file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
