"""Patches of Microsoft's Python worker library and its FastAPI extension that the app needs before
it can serve.

The platform chooses the worker library's version, so each patch is checked when the app starts. If
the library is not as described here, the app starts nevertheless: the patch is omitted, and the
loss is logged as a warning and shown by `GET /health/ready`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import fastapi

from shared.adapters.worker import http_invocations
from shared.adapters.worker.http_invocations import FORGET_AFTER_S, PAIRING_TIMEOUT_S, require
from shared.errors import UnsupportedLibrary
from shared.http.releasing_response import installed_coordinator

_log = logging.getLogger("fnsse.worker_library")

# The tested versions, to the minor version. `.github/workflows/newest-dependencies.yml` runs the
# tests with newer ones.
TESTED_VERSIONS: Final = {
    "azure-functions-runtime": "1.3",
    "azurefunctions-extensions-http-fastapi": "1.0",
    "starlette": "1.10",
    "uvicorn": "0.54",
}

_PATH_WITH_LINE_ENDS: Final = "(?s:.*)"


@dataclass(frozen=True, kw_only=True)
class PatchTargets:
    """The modules and objects that are patched, and their versions. None stands for a module or
    object that could not be found.
    """

    web: Any  # azurefunctions.extensions.http.fastapi.web
    coordinator: Any  # azure_functions_runtime.http_v2.http_coordinator
    path_convertor: Any  # starlette.convertors.PathConvertor
    logging_config: Any  # uvicorn.config.LOGGING_CONFIG
    versions: Mapping[str, str]  # by the distributions in TESTED_VERSIONS; "" if not known


def patch_runtime(
    targets: PatchTargets | None = None,
    *,
    pairing_timeout_s: float = PAIRING_TIMEOUT_S,
    forget_after_s: float = FORGET_AFTER_S,
) -> str:
    """Patch the library. Call once, while function_app.py is imported: the extension makes its
    server after that.

    Returns a text for operators that names every deviation from the tested library; "" if there is
    none.
    """
    targets = targets or _installed_targets()
    patches: dict[str, Callable[[], None]] = {
        "/docs, /redoc and /openapi.json hang": lambda: _serve_no_documentation(targets.web),
        "paths with a line end hang": lambda: _accept_every_path(targets.path_convertor),
        "hung invocations are not bounded": lambda: http_invocations.bound_pairing(
            targets.coordinator, pairing_timeout_s, forget_after_s
        ),
        "each request leaks about 1 KB": lambda: http_invocations.check_references(
            targets.coordinator
        ),
        "function keys may be logged": lambda: _write_no_access_log(targets.logging_config),
    }
    failed_patches = [loss for loss, patch in patches.items() if not _apply(patch)]
    problem = _problem(_untested_versions(targets.versions), failed_patches)
    if problem:
        _log.warning("The worker's libraries are not as fnsse knows them: %s", problem)
    return problem


def _installed_targets() -> PatchTargets:
    return PatchTargets(
        web=_import_module("azurefunctions.extensions.http.fastapi.web"),
        coordinator=installed_coordinator(),
        path_convertor=getattr(_import_module("starlette.convertors"), "PathConvertor", None),
        logging_config=getattr(_import_module("uvicorn.config"), "LOGGING_CONFIG", None),
        versions={name: _version(name) for name in TESTED_VERSIONS},
    )


def _import_module(name: str) -> object | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:  # Azure's worker brings its library without
        if distribution != "azure-functions-runtime":
            return ""
        return str(getattr(_import_module("azure_functions_runtime.version"), "VERSION", ""))


def _apply(patch: Callable[[], None]) -> bool:
    try:
        patch()
    except UnsupportedLibrary:
        return False
    return True


def _untested_versions(versions: Mapping[str, str]) -> list[str]:
    return [
        f"{name} {versions.get(name) or '(version not found)'}"
        for name, tested in TESTED_VERSIONS.items()
        if (versions.get(name) or "").split(".")[:2] != tested.split(".")
    ]


def _problem(untested: list[str], failed_patches: list[str]) -> str:
    """`unknown version azure-functions-runtime 1.4.0: hung invocations are not bounded`."""
    causes = f"unknown version {', '.join(untested)}" if untested else "unexpected form"
    if failed_patches:
        return f"{causes}: {', '.join(failed_patches)}"
    return causes if untested else ""


def _serve_no_documentation(web: Any) -> None:
    """The extension's FastAPI app would answer /docs, /redoc and /openapi.json itself, and their
    invocations never end.
    """
    current = getattr(web, "FastAPI", None)
    if isinstance(current, functools.partial) and current.func is fastapi.FastAPI:
        return
    require(current is fastapi.FastAPI)
    web.FastAPI = functools.partial(fastapi.FastAPI, openapi_url=None)


def _accept_every_path(path_convertor: Any) -> None:
    """Starlette's `{path:path}` holds no line end, so the extension's catch-all would not take
    `/openai/a%0Ab`.

    FastAPI would answer it, and the invocation would wait until functionTimeout, when the host
    replaces the worker and with it every stream of that worker: one such request is enough.
    """
    require(getattr(path_convertor, "regex", None) in {".*", _PATH_WITH_LINE_ENDS})
    path_convertor.regex = _PATH_WITH_LINE_ENDS


def _write_no_access_log(logging_config: Any) -> None:
    """uvicorn logs each request with its query, where a function key may stand (`?code=`)."""
    try:
        logging_config["loggers"]["uvicorn.access"]["level"] = "WARNING"
    except (LookupError, TypeError):
        raise UnsupportedLibrary("uvicorn has no logger of its own for access") from None
