"""azd's hook before it packages the app: installs requirements.txt into .python_packages.

The packages are built for the machine that runs the app (Linux on x86-64, the Python of
.python-version), not for this machine. Azure builds nothing, so the app runs the packages that the
hashes in requirements.txt name and that the tests imported. By hand: docs/how-to/deploy.md.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = (
    ROOT / ".python_packages" / "lib" / "site-packages"
)  # where the Functions worker looks
PLATFORM: Final = "x86_64-unknown-linux-gnu"


def main() -> None:
    """Install the packages, or end with a message that names the remedy."""
    shutil.rmtree(PACKAGES, ignore_errors=True)
    version = (ROOT / ".python-version").read_text().strip()
    run = subprocess.run(
        [
            *uv(),
            *("pip", "install", "--target", str(PACKAGES)),
            *("--python-platform", PLATFORM, "--python-version", version),
            *("--only-binary", ":all:", "--require-hashes", "--quiet"),
            *("--requirements", str(ROOT / "requirements.txt")),
        ],
        check=False,
    )
    if run.returncode != 0:
        shutil.rmtree(PACKAGES, ignore_errors=True)  # no incomplete package is deployed
        sys.exit("prepackage: the packages of requirements.txt could not be installed, see above")
    for unneeded in ("bin", ".lock"):  # commands for a terminal; uv's own lock
        remove(PACKAGES / unneeded)
    print(f"prepackage: {len(list(PACKAGES.glob('*.dist-info')))} packages for {PLATFORM}")


def uv() -> list[str]:
    """The command that starts uv: azd has installed it, or it is on PATH."""
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    program = shutil.which("uv")
    if program is None:
        sys.exit("prepackage: needs uv: python -m pip install -r infra/hooks/requirements.txt")
    return [program]


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
