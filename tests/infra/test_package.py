"""The app's package as azd makes it: it holds all that the app imports, and a worker would find its
functions.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.repository import ROOT
from shared.adapters.worker.worker_library import TESTED_VERSIONS
from tests.support.package import build

PACKAGES = ".python_packages/lib/site-packages"
# Runs in the unpacked package, with nothing else on the path but Python's own library.
INDEX = f"""
import json, sys
sys.path[:0] = [".", "{PACKAGES}"]
import function_app
foreign = [
    name for name, module in sys.modules.items()
    if (getattr(module, "__file__", None) or "").count("/site-packages/")
    and "{PACKAGES}" not in module.__file__
]
print(json.dumps([[one.get_function_name() for one in function_app.app.get_functions()], foreign]))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A checkout, the hook run in it, and the zip that azd then makes."""
    folder = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for path in filter(None, tracked):
        if (ROOT / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes((ROOT / path).read_bytes())
    run = subprocess.run(
        [sys.executable, folder / "infra" / "hooks" / "prepackage.py"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    archive = tmp_path_factory.mktemp("package") / "app.zip"
    build(folder, archive)
    return zipfile.ZipFile(archive)


def test_the_package_holds_every_requirement_and_the_app_alone(package: zipfile.ZipFile) -> None:
    """Machine code is from wheels of Linux and of the app's Python. There are no commands and no
    compiled files, and a cold start can bear the size.
    """
    names = package.namelist()
    wanted = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    installed = {
        re.sub(
            r"[-_.]+", "-", name.split("/")[3].removesuffix(".dist-info").rpartition("-")[0]
        ).lower()
        for name in names
        if name.endswith(".dist-info/METADATA")
    }
    assert installed == set(wanted)
    libraries = [name for name in names if re.search(r"\.so$|\.pyd$|\.dylib$", name)]
    assert libraries
    assert [name for name in libraries if not re.search(r"x86_64-linux-gnu|abi3", name)] == []
    assert {name.partition("/")[0] for name in names} == {
        *("function_app.py", "blueprints", "shared", "rates", "host.json", "requirements.txt"),
        ".python_packages",
    }
    assert [name for name in names if "__pycache__" in name or f"{PACKAGES}/bin/" in name] == []
    unpacked = sum(entry.file_size for entry in package.infolist())
    packed = sum(entry.compress_size for entry in package.infolist())
    assert 20e6 < unpacked < 100e6
    assert 5e6 < packed < 40e6


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the packages are those of Linux on x86-64",
)
def test_the_app_is_found_in_its_package_with_all_its_functions(
    package: zipfile.ZipFile, tmp_path: Path
) -> None:
    """A package in which something is missing deploys without an error, and the app then has no
    function at all.
    """
    package.extractall(tmp_path)
    functions, foreign = _index(tmp_path)
    listed = re.findall(
        r"^\| `(\w+)` \|",
        (ROOT / "docs" / "reference" / "functions.md").read_text().partition("\n## ")[0],
        re.MULTILINE,
    )
    assert sorted(functions) == sorted(listed)
    assert foreign == []


def _index(folder: Path) -> tuple[list[str], list[str]]:
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", INDEX],
        cwd=folder,
        env=sample,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    functions, foreign = json.loads(run.stdout.splitlines()[-1])
    return functions, foreign


def test_the_package_holds_the_tested_library() -> None:
    """The app patches it. The platform would renew it by itself if the package did not name it."""
    text = (ROOT / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE))
    assert {name: pinned.get(name, "").rpartition(".")[0] for name in TESTED_VERSIONS} == dict(
        TESTED_VERSIONS
    )


def test_azd_runs_the_hook_and_leaves_nothing_to_build() -> None:
    """The hook belongs to the service: azd runs it whenever it packages, in `azd deploy` too. Every
    requirement has a hash.
    """
    service: dict[str, Any] = yaml.safe_load((ROOT / "azure.yaml").read_text())["services"]["app"]
    assert service["remoteBuild"] is False
    for file in ("requirements.txt", "infra/hooks/requirements.txt"):
        text = (ROOT / file).read_text()
        requirements = re.findall(r"^[\w.-]+==.*\\$\n +--hash=sha256:", text, re.MULTILINE)
        assert len(requirements) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)) > 0
