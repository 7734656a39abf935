"""`python -m local.doctor`: look at this machine, and at a running app."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from local.app_access import AppAccess
from local.doctor import app, machine, settings
from local.doctor.check import CheckState, DoctorCheck, show, skip
from local.running import add_folder_option, event_hub_settings, find
from local.stack import StackError

_EPILOG: Final = """\
environment, for a deployment:
  FNSSE_KEY, FNSSE_TOKEN                    a function key, or a token, of a caller
  FNSSE_OPERATOR_KEY, FNSSE_OPERATOR_TOKEN  the master key, or a token, of an operator
  AZURE_EVENTHUB_NAMESPACE, AZURE_EVENTHUB_NAME (or AZURE_EVENTHUB_CONN_STR)
                                            where the test exchange's event is awaited
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 if there is no problem, 1 if there is one."""
    options = _parser().parse_args(arguments)
    checks: list[DoctorCheck] = []
    if options.url is None:
        checks += show("This machine", machine.checks(options.folder), sys.stdout)
        checks += show("Settings", settings.checks(), sys.stdout)
        checks += show("The running app", _local_app(options), sys.stdout)
    else:
        access = AppAccess(
            url=options.url.rstrip("/"),
            caller=_headers("FNSSE_KEY", "FNSSE_TOKEN"),
            operator=_headers("FNSSE_OPERATOR_KEY", "FNSSE_OPERATOR_TOKEN"),
        )
        checks += show(
            f"The app at {access.url}",
            _app(access, options.deployment, event_hub_settings(os.environ)),
            sys.stdout,
        )
    return _conclude(checks)


def _local_app(options: argparse.Namespace) -> Iterator[DoctorCheck]:
    try:
        running = find(options.folder)
    except StackError as error:
        yield skip(str(error), "make run")
        return
    access = AppAccess(url=running.proxy)
    yield from _app(access, options.deployment, running.event_hub_settings)


def _app(access: AppAccess, deployment: str, hub: Mapping[str, str]) -> Iterator[DoctorCheck]:
    healthy = list(app.health(access, hub))
    yield from healthy
    if healthy[0].state is CheckState.PROBLEM:
        return
    yield from app.status(access)
    yield from app.exchange(access, deployment, _feed(hub))


def _feed(hub: Mapping[str, str]) -> app.OpenFeed | None:
    if not (hub.get("AZURE_EVENTHUB_CONN_STR") or hub.get("AZURE_EVENTHUB_NAMESPACE")):
        return None
    from local.events.feed import LocalEventFeed  # the SDK takes half a second to import

    return lambda: LocalEventFeed(hub, from_start=False)


def _headers(key: str, token: str) -> dict[str, str]:
    if value := os.environ.get(token):
        return {"authorization": f"Bearer {value}"}
    value = os.environ.get(key)
    return {"x-functions-key": value} if value else {}


def _conclude(checks: list[DoctorCheck]) -> int:
    problems = sum(check.state is CheckState.PROBLEM for check in checks)
    warnings = sum(check.state is CheckState.WARNING for check in checks)
    if problems or warnings:
        print(f"\n{_count(problems, 'problem')}, {_count(warnings, 'warning')}")
    else:
        print("\nno problem found")
    return 1 if problems else 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.doctor",
        description="Say what is wrong with this machine or with a deployment, and what to do.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", metavar="URL", help="the app to look at; default: the `make run` of FOLDER"
    )
    parser.add_argument(
        "--deployment", default="gpt-4o", help="for the test exchange; default: %(default)s"
    )
    add_folder_option(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
