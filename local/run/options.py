"""The command line of `python -m local.run`, and the equivalent `make` line."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.folder import DEFAULT_FOLDER
from local.repository import ROOT
from local.stack import Ports, StackError
from local.stack.ports import WHAT_LISTENS, make_variable

# targets of make, by --functions-host
_TARGETS: Final = {"embedded": "run", "func": "func", "none": "parts"}
_DEPLOYMENT: Final = "gpt-4o"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options of a run."""

    functions_host: str  # embedded, func or none
    ports: Ports
    folder: Path
    settings: Path
    deployment: str
    demo: bool
    exit_after_demo: bool
    verbose: bool

    @property
    def make_target(self) -> str:
        """The make target that has this Functions host: run, func or parts."""
        return _TARGETS[self.functions_host]

    def make_line(self) -> str:
        """The `make ...` line for these options (--settings and --exit-after-demo have no
        variable).
        """
        defaults = Ports().by_name()
        variables = {
            make_variable(WHAT_LISTENS[name][1]): str(port)
            for name, port in self.ports.by_name().items()
            if port != defaults[name]
        }
        if self.folder != DEFAULT_FOLDER:
            variables["FOLDER"] = str(self.folder)
        if self.deployment != _DEPLOYMENT:
            variables["DEPLOYMENT"] = self.deployment
        if not self.demo and self.functions_host != "none":
            variables["NO_DEMO"] = "1"
        return " ".join(
            [
                "make",
                self.make_target,
                *(f"{name}={shlex.quote(value)}" for name, value in variables.items()),
            ]
        )


def parse(arguments: list[str] | None) -> RunOptions:
    """Parse the command line. Raises StackError for an invalid port, and exits as argparse does for
    an unknown option.
    """
    arguments_read = _parser().parse_args(arguments)
    return RunOptions(
        functions_host=arguments_read.functions_host,
        ports=Ports(
            **{
                name: _port(name, getattr(arguments_read, f"{name}_port"))
                for name in Ports().by_name()
            }
        ),
        folder=arguments_read.folder,
        settings=arguments_read.settings,
        deployment=arguments_read.deployment,
        demo=arguments_read.demo and arguments_read.functions_host != "none",
        exit_after_demo=arguments_read.exit_after_demo,
        verbose=arguments_read.verbose,
    )


def _port(name: str, text: str) -> int:
    option = WHAT_LISTENS[name][1]
    # No more digits than a port has: int() rejects very long ones with a message of its own.
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_535:
        return int(text)
    raise StackError(
        f"{make_variable(option)} (--{option}) must be a port, a number from 1 to 65535, and not {text!r}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.run",
        description="Starts fnsse and all that it needs on this machine, makes two calls, shows their events, serves until "
        "Ctrl-C. A real Azure OpenAI or Event Hub that the environment or local.settings.json names is used instead of "
        "the local part.",
    )
    parser.add_argument(
        "--functions-host",
        choices=list(_TARGETS),
        default="embedded",
        help="none: only the other parts, for a func start of your own; default: %(default)s",
    )
    for name, default in Ports().by_name().items():
        listener, option = WHAT_LISTENS[name]
        parser.add_argument(
            f"--{option}",
            dest=f"{name}_port",
            default=str(default),
            metavar="N",
            help=f"{listener}; default {default}",
        )
    parser.add_argument(
        "--folder",
        type=Path,
        default=DEFAULT_FOLDER,
        help="for Azurite's files and the logs; default: %(default)s",
    )
    parser.add_argument(
        "--settings",
        type=Path,
        default=ROOT / "local.settings.json",
        metavar="FILE",
        help="default: local.settings.json",
    )
    parser.add_argument(
        "--deployment", default=_DEPLOYMENT, help="that the two calls name; default: %(default)s"
    )
    parser.add_argument(
        "--no-demo", dest="demo", action="store_false", help="only serve, without the two calls"
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show every line that the parts print, not their problems alone",
    )
    parser.add_argument("--exit-after-demo", action="store_true", help="stop after the two events")
    return parser
