"""`make reconcile`, `make replay` and `make erase`: start such a run of the app, and show how far
it is until it has ended.

The app is that of a running `make run`, or a deployment that `--app` names, whose operator's key is
in the environment. Exit code 0; 1 if the run did not do all it should, or could not be followed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TextIO

import httpx

from local.doctor.app import Access
from local.run_progress import Display, is_over
from local.running import add_folder_option, find
from local.stack import StackError
from shared.core.wire.json.json_shape import (
    JsonObject,
    integer,
    items,
    mapping,
    parse_object,
    text,
)
from view.server.runs import Runs

_EVERY_S: Final = 1.0
_UNANSWERED: Final = 30  # polls in a row without a status, after which a run is not followed
_YES: Final = "erase"
_EPILOG: Final = """\
environment, for a deployment:
  KEY    the app's master key, or with CALLER_AUTH=entra "Bearer <an operator's token>"
"""


@dataclass(frozen=True, kw_only=True)
class OperatedApp:
    """The app whose runs are started. `key` is an operator's; a local app needs none."""

    url: str
    key: str = ""

    def client(self) -> AbstractContextManager[httpx.Client]:
        """A client that takes HTTP_PROXY for other machines alone."""
        return Access(url=self.url).client()

    @property
    def headers(self) -> dict[str, str]:
        """What lets an operator in."""
        if not self.key:
            return {}
        is_token = self.key.lower().startswith("bearer ")
        return {"authorization" if is_token else "x-functions-key": self.key}


class RunStarter:
    """Starts runs and follows them. `wait` pauses between two looks at a run."""

    def __init__(
        self,
        client: httpx.Client,
        headers: Mapping[str, str],
        out: TextIO,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._headers = headers
        self._out = out
        self._wait = wait
        self._runs = Runs()

    def run(self, what: str, body: JsonObject | None, title: str) -> JsonObject:
        """Durable's final status of a run that this starts. Raises StackError."""
        link = self._start(what, body)
        display = Display(title, self._out)
        status = self._status(link)
        while not is_over(status):
            display.show(status)
            self._wait(_EVERY_S)
            status = self._status(link)
        display.end(status)
        return status

    def _start(self, what: str, body: JsonObject | None) -> str:
        try:
            answer = self._client.post(f"/ops/{what}", json=body, headers=dict(self._headers))
        except httpx.HTTPError as error:
            raise StackError(
                f"the app at {self._client.base_url} did not answer ({type(error).__name__}): check "
                "the address, and whether the app is started"
            ) from None
        content = parse_object(answer.content)
        self._runs.keep(content)
        link = self._runs.link(text(content.get("id")))
        if answer.status_code != HTTPStatus.ACCEPTED or link is None:
            raise StackError(_refusal(what, answer.status_code, content))
        return link

    def _status(self, link: str) -> JsonObject:
        """The link holds a key of its own."""
        for _ in range(_UNANSWERED):
            try:
                status = parse_object(self._client.get(link).content)
            except httpx.HTTPError:
                status = {}
            if text(status.get("runtimeStatus")):
                return status
            self._wait(_EVERY_S)
        raise StackError("the app does not say any more how far the run is; it goes on there")


def _refusal(what: str, code: int, content: JsonObject) -> str:
    error = mapping(content.get("error"))
    if message := text(error.get("message")):
        return f"{text(error.get('code')) or code}: {message}"
    if code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"the app refused the operator's key ({code}): KEY is its master key, or `Bearer` and a token"
    return f"POST /ops/{what}: {code}: is this address fnsse's?"


def reconcile(operator: RunStarter) -> bool:
    """Whether the run judged all hours: it may find a backlog or an Event Hub that is away."""
    return _is_whole(operator.run("reconcile", None, "reconcile"))


def replay(operator: RunStarter, body: JsonObject) -> bool:
    """Whether all that was selected is queued."""
    return _is_whole(operator.run("replay", body, "replay"))


def _is_whole(status: JsonObject) -> bool:
    is_completed = text(status.get("runtimeStatus")) == "Completed"
    return is_completed and not text(mapping(status.get("output")).get("waiting"))


def erase(
    operator: RunStarter, body: JsonObject, out: TextIO, confirmed: Callable[[str], bool]
) -> bool:
    """Count in a dry run, ask, erase, and print the receipt. False if anything was left out."""
    counted = operator.run("erase", {**body, "dry_run": True}, "dry run")
    matched = integer(mapping(counted.get("output")).get("matched"))
    if text(counted.get("runtimeStatus")) != "Completed" or matched is None:
        return False
    if not matched:
        print("no exchange matches: nothing is erased", file=out)
        return True
    if not confirmed(f"Erase {matched:,} exchanges for good?"):
        print("nothing is erased", file=out)
        return False
    receipt = mapping(operator.run("erase", {**body, "dry_run": False}, "erase").get("output"))
    print(json.dumps(receipt, indent=2), file=out)
    return receipt.get("complete") is True


def _confirmed(question: str) -> bool:
    """Whether the reader agrees. Without a terminal nobody can."""
    if not sys.stdin.isatty():
        print(f"{question} CONFIRM=1 (or --confirm) says yes", file=sys.stderr)
        return False
    return input(f"{question} Type {_YES} to go on: ").strip() == _YES


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        app = _app(options)
        with app.client() as client:
            return 0 if _operate(RunStarter(client, app.headers, sys.stdout), options) else 1
    except StackError as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nno longer followed; what was started goes on in the app", file=sys.stderr)
        return 130


def _operate(operator: RunStarter, options: argparse.Namespace) -> bool:
    if options.what == "reconcile":
        return reconcile(operator)
    body = _body(options)
    if options.what == "replay":
        return replay(operator, body)
    return erase(operator, body, sys.stdout, _agreed if options.confirm else _confirmed)


def _agreed(_question: str) -> bool:
    return True


def _body(options: argparse.Namespace) -> JsonObject:
    """The members that were given; the app says what is missing or wrong."""
    names = ("from", "to", "user", "subscription", "deployment", "outcome", "reference")
    given = {name: getattr(options, name, None) for name in names}
    body: JsonObject = {name: value for name, value in given.items() if value}
    if options.ids:
        body["ids"] = items(options.ids.replace(",", " ").split())
    return body


def _app(options: argparse.Namespace) -> OperatedApp:
    if options.app:
        return OperatedApp(url=options.app.rstrip("/"), key=os.environ.get("KEY", ""))
    return OperatedApp(url=find(options.folder).proxy)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.operate",
        description="Starts a run of reconcile, replay or erase, and shows how far it is.",
    )
    commands = parser.add_subparsers(dest="what", required=True)
    _command(commands.add_parser("reconcile", help="deliver now what is missing on the Event Hub"))
    selection = commands.add_parser("replay", help="deliver a time range once more")
    _add_range(selection)
    selection.add_argument("--deployment")
    selection.add_argument("--outcome", help="such as client_disconnected")
    _command(selection)
    erasure = commands.add_parser("erase", help="erase a person's exchanges, after a dry run")
    erasure.add_argument("--user", help="caller.user of events")
    erasure.add_argument("--subscription", help="caller.subscription of events")
    _add_range(erasure)
    erasure.add_argument("--reference", help="a note for the receipt; no name of a person")
    erasure.add_argument("--confirm", action="store_true", help="erase without a question")
    _command(erasure)
    return parser


def _add_range(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", metavar="TIME", help="such as 2026-11-23T10:00:00Z")
    parser.add_argument("--to", metavar="TIME", help="not in the future")
    parser.add_argument("--ids", metavar="ID,ID", help="exchange ids; without a range, if you like")


def _command(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("--app", metavar="URL", help="the app; default: the `make run` of FOLDER")
    add_folder_option(parser)


if __name__ == "__main__":
    sys.exit(main())
