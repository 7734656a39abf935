"""The contents of the deployment package."""

from __future__ import annotations

import subprocess

import pytest

from local.repository import ROOT
from tests.support.package import DEPLOYED, deployable


def test_the_app_alone_is_deployed() -> None:
    """.funcignore names every other file and folder of the repository's root."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {path.partition("/")[0] for path in deployable(tracked)} == DEPLOYED


@pytest.mark.parametrize(
    "path",
    [
        ".python_packages/lib/site-packages/tests/__init__.py",
        ".python_packages/lib/site-packages/werkzeug/local.py",
        ".python_packages/lib/site-packages/fastapi-1.0.dist-info/LICENSE",
        ".python_packages/lib/site-packages/cffi.libs/.hidden",
    ],
)
def test_packages_are_deployed_whole(path: str) -> None:
    """Names of this repository's root mean nothing within a package."""
    assert deployable([path]) == [path]


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".venv/pyvenv.cfg",
        "fnsse_env/pyvenv.cfg",
        "local.settings.json",
        "shared/__pycache__/errors.pyc",
        ".python_packages/lib/site-packages/httpx/__pycache__/_api.cpython-313.pyc",
    ],
)
def test_what_a_developers_folder_gathers_is_not_deployed(path: str) -> None:
    """Environments, secrets of the local machine, compiled files."""
    assert deployable([path]) == []
