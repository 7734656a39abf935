"""One run at a time in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from local.folder import FolderInUse, alone_in, another, keep_earlier_logs
from local.stack import StackError


def test_a_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with (
        alone_in(folder),
        pytest.raises(FolderInUse, match=f"another run keeps its files in {folder}"),
        alone_in(folder),
    ):
        pass
    with alone_in(folder):
        pass


def test_the_proposed_folder_is_not_in_use(tmp_path: Path) -> None:
    """The folder that is proposed instead is not in use either."""
    folder = tmp_path / ".local"
    assert another(folder) == tmp_path / ".local-2"
    with alone_in(tmp_path / ".local-2"):
        assert another(folder) == tmp_path / ".local-3"
    assert another(folder) == tmp_path / ".local-2"


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with (
        pytest.raises(
            StackError, match=r"the folder .*/file \(FOLDER, --folder\) cannot be used: File exists"
        ),
        alone_in(file),
    ):
        pass


def test_the_logs_of_earlier_runs_are_kept_the_newest_five(tmp_path: Path) -> None:
    for number in range(7):
        keep_earlier_logs(tmp_path)
        logs = tmp_path / "logs"
        logs.mkdir()
        (logs / "azurite.log").write_text(f"run {number}")
        os.utime(logs / "azurite.log", (number, number))
    archived_runs = sorted((tmp_path / "earlier-logs").iterdir())
    assert [(run / "azurite.log").read_text() for run in archived_runs] == [
        f"run {n}" for n in range(1, 6)
    ]
    assert (tmp_path / "logs" / "azurite.log").read_text() == "run 6"
