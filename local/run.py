"""python -m local.run: everything on this machine, two calls and their events, then serve until Ctrl-C.

Exit code 0 after Ctrl-C (or SIGTERM), 1 if something could not start, failed or died; the message says what.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from local.console import Console
from local.stack import FunctionsHost, Ports, Stack, StackError, read_settings_file
from local.stack.ports import WHAT_LISTENS
from local.stack.supervisor import ROOT

_PACE: Final = "first_chunk_ms=300; chunk_ms=40"  # of the stand-in, so that one sees an answer stream
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    options = _options(arguments)
    # Set even where SIGINT came in as ignored, as a shell script's background jobs inherit it: it is how one asks to stop.
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    console = Console(options.folder / "logs")
    try:
        with _alone_in(options.folder):
            _run(options, console)
    except KeyboardInterrupt:
        console.line("stopped: all parts have ended, their ports are free")
    except StackError as error:
        print(f"\nfnsse: {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        console.close()
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # The parts end within a bounded time; a second Ctrl-C must not leave some of them behind.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Raises StackError while another run uses the folder: two Azurites would write the same files."""
    with (folder / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it however this process ends
        except BlockingIOError:
            raise StackError(
                f"another run keeps its files in {folder}. Choose another folder: make run FOLDER=.local/second, "
                "or python -m local.run --folder .local/second"
            ) from None
        yield


def _run(options: argparse.Namespace, console: Console) -> None:
    stack = _stack(options, console)
    started = time.monotonic()
    try:
        stack.start()
        console.line(f"all parts serve after {time.monotonic() - started:.1f} s")
        _serve(stack, options, console)
    except KeyboardInterrupt:
        console.line("\nstopping")
        raise
    finally:
        stack.stop()


def _stack(options: argparse.Namespace, console: Console) -> Stack:
    host: FunctionsHost = options.functions_host
    return Stack(
        functions_host=host,
        own={**read_settings_file(options.settings), **os.environ},
        ports=Ports(**{field.name: getattr(options, f"{field.name}_port") for field in fields(Ports)}),
        data=options.folder,
        app=ROOT,
        stand_in_defaults=_PACE,
        on_line=console.part_line,
        on_step=console.line,
    )


def _serve(stack: Stack, options: argparse.Namespace, console: Console) -> None:
    # The two SDKs take a second to import, which the parts use to start.
    from local import demonstration
    from local.event_feed import EventFeed, summary

    with EventFeed(stack.settings, from_start="event_hubs" in stack.local_parts) as feed:
        if options.demo:
            demonstration.show(stack, console, feed, options.deployment)
        if options.exit_after_demo:
            return
        _say_where(stack, options, console)
        while True:
            stack.check()
            event = feed.next(within_s=0.2)
            if event is not None:
                console.line(f"event          | {summary(event)}")


def _say_where(stack: Stack, options: argparse.Namespace, console: Console) -> None:
    lines = [
        f"proxy          {stack.proxy_url}   ({options.functions_host} Functions host)",
        f"Azure OpenAI   {stack.settings['AZURE_OPENAI_BASE_URL']}",
        f"Event Hub      {stack.settings['AZURE_EVENTHUB_NAME']} at {_event_hub(stack)}",
        f"storage        {'Azurite, blobs on port ' + str(stack.ports.blob) if 'azurite' in stack.local_parts else 'real'}",
        f"logs           {options.folder / 'logs'}",
    ]
    console.line("\nServing until Ctrl-C:\n  " + "\n  ".join(lines))
    console.line(
        f"Try:\n  curl -N '{stack.proxy_url}/openai/deployments/{options.deployment}/chat/completions"
        "?api-version=2024-10-21' -H 'content-type: application/json' \\\n"
        """    -d '{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}'\n"""
    )


def _event_hub(stack: Stack) -> str:
    if "event_hubs" in stack.local_parts:
        return stack.event_hub_connection_string
    return stack.settings.get("AZURE_EVENTHUB_NAMESPACE") or "the real namespace of AZURE_EVENTHUB_CONN_STR"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.run",
        description="Starts fnsse and all that it needs on this machine, makes two calls, shows their events, serves until "
        "Ctrl-C. A real Azure OpenAI or Event Hub that the environment or local.settings.json names is used instead of "
        "the local part.",
    )
    parser.add_argument("--functions-host", choices=["embedded", "func"], default="embedded", help="default: %(default)s")
    for name, default in Ports().by_name().items():
        listener, option = WHAT_LISTENS[name]
        parser.add_argument(
            f"--{option}", dest=f"{name}_port", type=int, default=default, metavar="N", help=f"{listener}; default {default}"
        )
    parser.add_argument(
        "--folder", type=Path, default=Path(".local"), help="for Azurite's files and the logs; default: %(default)s"
    )
    parser.add_argument(
        "--settings", type=Path, default=ROOT / "local.settings.json", metavar="FILE", help="default: local.settings.json"
    )
    parser.add_argument("--deployment", default="gpt-4o", help="that the two calls name; default: %(default)s")
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="only serve, without the two calls")
    parser.add_argument("--exit-after-demo", action="store_true", help="stop after the two events")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
