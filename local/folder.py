"""The folder of a run, with Azurite's files and the logs. Only one run at a time may use it: two
Azurites would write the same files.
"""

from __future__ import annotations

import fcntl
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from local.stack import StackError

DEFAULT_FOLDER: Final = Path(".local")
_MAX_ARCHIVED_RUNS: Final = 5


class FolderInUse(StackError):
    """Another run uses the folder."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock the folder, which is created if missing. Raises FolderInUse while another run uses it,
    and StackError if it cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "run.lock").open("w")
    except OSError as error:
        raise StackError(
            f"the folder {folder} (FOLDER, --folder) cannot be used: {error.strerror}"
        ) from error
    with lock:
        try:
            # the system releases it however this process ends
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(f"another run keeps its files in {folder}") from None
        yield


def another(folder: Path) -> Path:
    """A sibling folder that no run uses: .local -> .local-2."""
    candidates = (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))
    return next(candidate for candidate in candidates if not is_in_use(candidate))


def is_in_use(folder: Path) -> bool:
    """Whether a run uses the folder."""
    if not (folder / "run.lock").exists():
        return False
    try:
        with alone_in(folder):
            return False
    except StackError:
        return True


def keep_earlier_logs(folder: Path) -> None:
    """Move the logs of the last run aside, to earlier-logs/<when it ended>; five runs are kept."""
    logs, archive = folder / "logs", folder / "earlier-logs"
    if not logs.is_dir():
        return
    ended = max((file.stat().st_mtime for file in logs.iterdir()), default=logs.stat().st_mtime)
    archive.mkdir(exist_ok=True)
    name = f"{datetime.fromtimestamp(ended, UTC):%Y-%m-%dT%H-%M-%S.%f}Z"
    logs.rename(archive / name)
    for old in sorted(archive.iterdir())[:-_MAX_ARCHIVED_RUNS]:
        shutil.rmtree(old)
