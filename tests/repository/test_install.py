"""`local/install` on a machine without Python 3.13, or without a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

from local.repository import ROOT

# The build of a package without a wheel. It creates a file and fails, so nothing is installed.
_BACKEND: Final = """
import pathlib
def build_wheel(*_arguments, **_options):
    pathlib.Path({mark!r}).touch()
    raise SystemExit(1)
prepare_metadata_for_build_wheel = build_wheel
"""
_PROJECT: Final = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

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
def test_without_python_313_nothing_is_changed(bare: Path) -> None:
    """It says what to install. A shim that fails, as pyenv's do for a version that is not selected,
    is not taken for a Python.
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


def _source_distribution(folder: Path, mark: Path) -> None:
    """`needs-compiler` 1.0 as source alone, whose build would create `mark`."""
    source = folder / "needs_compiler-1.0"
    source.mkdir(parents=True)
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: needs-compiler\nVersion: 1.0\n")
    (source / "pyproject.toml").write_text(_PROJECT)
    (source / "backend.py").write_text(_BACKEND.format(mark=str(mark)))
    with tarfile.open(folder / "needs_compiler-1.0.tar.gz", "w:gz") as archive:
        archive.add(source, source.name)


@pytest.mark.parametrize(
    ("choice", "is_built"), [({}, False), ({"PIP_ONLY_BINARY": ":none:"}, True)], ids=["", "none"]
)
def test_nothing_is_built_unless_one_says_so(
    tmp_path: Path, choice: dict[str, str], *, is_built: bool
) -> None:
    """A package without a wheel is refused by its name: no compiler is needed, and none is run."""
    (tmp_path / "local").mkdir()
    shutil.copy(ROOT / "local" / "install", tmp_path / "local")
    (tmp_path / "requirements.txt").write_text("needs-compiler==1.0\n")
    (tmp_path / "requirements-dev.txt").touch()
    # An environment that is there and not current: making one takes seconds.
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    (tmp_path / ".venv" / "installed").touch()
    mark, sources = tmp_path / "was-built", tmp_path / "sources"
    _source_distribution(sources, mark)
    settings = {name: text for name, text in os.environ.items() if not name.startswith("PIP_")}
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(sources), "PIP_NO_CACHE_DIR": "1"}
    done = subprocess.run(
        ["local/install"],
        cwd=tmp_path,
        env=settings | offline | choice,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert mark.exists() == is_built
    if not is_built:
        assert "No matching distribution found for needs-compiler==1.0" in done.stderr
