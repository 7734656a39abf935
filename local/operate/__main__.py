"""python -m local.operate: start a run of reconcile, replay or erase, and follow it."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

from local.operate.operated_app import OperatedApp, RunStarter
from local.operate.runs import erase, reconcile, replay
from local.running import add_folder_option, find
from local.stack import StackError
from shared.core.wire.json.json_shape import JsonObject, items

_YES: Final = "erase"
_EPILOG: Final = """\
environment, for a deployment:
  KEY    the app's master key, or with CALLER_AUTH=entra "Bearer <an operator's token>"
"""


def _confirm(question: str) -> bool:
    """Whether the reader agrees; False without a terminal."""
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


def _operate(starter: RunStarter, options: argparse.Namespace) -> bool:
    if options.run == "reconcile":
        return reconcile(starter)
    body = _body(options)
    if options.run == "replay":
        return replay(starter, body)
    return erase(starter, body, sys.stdout, _always_agree if options.confirm else _confirm)


def _always_agree(_question: str) -> bool:
    return True


def _body(options: argparse.Namespace) -> JsonObject:
    """The options that are set; the app reports what is missing or wrong."""
    names = ("from", "to", "user", "subscription", "deployment", "outcome", "reference")
    values = {name: getattr(options, name, None) for name in names}
    body: JsonObject = {name: value for name, value in values.items() if value}
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
    commands = parser.add_subparsers(dest="run", required=True)
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
