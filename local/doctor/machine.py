"""The tools, the folder and the ports that `make run` needs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.doctor.check import DoctorCheck, ok, problem, skip, warning
from local.folder import is_in_use
from local.stack import StackError
from local.stack.commands import event_hubs_command
from local.stack.ports import HOST, WHAT_LISTENS, Ports, is_free, make_variable

_LEAST_FREE_BYTES: Final = 1_000_000_000
_SYSTEMS: Final = {"Linux", "Darwin"}


def checks(folder: Path) -> Iterator[DoctorCheck]:
    """`folder`: where `make run` keeps its files."""
    yield _system()
    yield ok(f"Python {platform.python_version()} in {Path(sys.executable).parent.parent.name}")
    yield _node()
    yield _func()
    yield _writable(folder)
    yield _disk(folder)
    if is_in_use(folder):
        yield ok(f"a run uses {folder}")
    else:
        yield from _ports()


def _system() -> DoctorCheck:
    system = platform.system()
    if system in _SYSTEMS:
        return ok(f"{system} {platform.release()}")
    return problem(f"{system} is not supported", "use Linux or macOS; on Windows: WSL")


def _node() -> DoctorCheck:
    try:
        node, _ = event_hubs_command()
    except StackError as error:
        return problem(str(error), "run: make install")
    return ok(f"Node.js: {node}")


def _func() -> DoctorCheck:
    func = shutil.which("func")
    if func:
        return ok(f"Azure Functions Core Tools: {func}")
    return skip(
        "Azure Functions Core Tools are not on PATH; `make func` and its tests need them",
        "npm install --global azure-functions-core-tools@4",
    )


def _writable(folder: Path) -> DoctorCheck:
    existing = _existing(folder)
    if os.access(existing, os.W_OK):
        return ok(f"{folder} can be written to")
    return problem(f"{existing} cannot be written to", "make run FOLDER=<a folder that is yours>")


def _disk(folder: Path) -> DoctorCheck:
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{free / 1e9:.1f} GB are free"
    if free >= _LEAST_FREE_BYTES:
        return ok(text)
    return warning(text, "make clean, or remove earlier runs: rm -r .local")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _ports() -> Iterator[DoctorCheck]:
    taken = {name: port for name, port in Ports().by_name().items() if not is_free(port)}
    if not taken:
        yield ok(f"all ports that `make run` needs are free on {HOST}")
    for name, port in taken.items():
        listener, option = WHAT_LISTENS[name]
        yield problem(
            f"port {port}, which {listener} needs, is taken",
            f"make run {make_variable(option)}=<another port> (it suggests free ones by itself)",
        )
