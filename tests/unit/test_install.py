"""`local/install` on a machine without Python 3.13."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from local.repository import ROOT

NEEDED = ("sh", "cat", "cksum", "dirname")
# Folders that local/install looks into by their full paths.
ELSEWHERE = [
    Path(folder) / "bin" / "python3.13" for folder in ("/opt/homebrew", "/usr/local", "/opt/local")
]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder with local/install alone, and a bin/ with the few programs it needs until it has a
    Python.
    """
    (tmp_path / "local").mkdir()
    shutil.copy(ROOT / "local" / "install", tmp_path / "local")
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        program = shutil.which(name)
        assert program, name
        (tmp_path / "bin" / name).symlink_to(program)
    return tmp_path


@pytest.mark.skipif(
    any(python.exists() for python in ELSEWHERE),
    reason="this machine has a Python 3.13 for all users",
)
def test_without_python_313_it_says_what_to_install_and_changes_nothing(bare: Path) -> None:
    """A shim that fails, as pyenv's do for a version that is not selected, is not taken for a
    Python.
    """
    shim = bare / "bin" / "python3.13"
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    done = subprocess.run(
        ["local/install"],
        cwd=bare,
        env={"PATH": str(bare / "bin"), "HOME": str(bare)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(
        "install: Python 3.13 was not found (tried python3.13 and python3 on PATH, "
    )
    assert "uv python install 3.13" in done.stderr
    assert "make run PYTHON=/path/to/python3.13" in done.stderr
    assert sorted(path.name for path in bare.iterdir()) == ["bin", "local"]
