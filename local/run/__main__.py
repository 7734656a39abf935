"""python -m local.run: starts everything on this machine, makes two calls, shows their events, and
serves until Ctrl-C.

Exit code 0 after Ctrl-C (or SIGTERM), 1 if a part could not start, failed or died; the message says
which.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from types import FrameType
from typing import Final, NoReturn

from local.folder import FolderInUse, alone_in, another, keep_earlier_logs
from local.repository import ROOT
from local.run import addresses
from local.run.console import Console
from local.run.options import RunOptions, parse
from local.run.outages import Outages
from local.running import announce, describe
from local.stack import FunctionsHost, Ports, PortsTaken, Stack, StackError, read_settings_file
from local.stack.ports import alternatives
from shared.errors import SettingsError
from shared.settings.loader import load
from shared.settings.settings import Settings

# directives of the stand-in, so that one sees a response stream
_PACE: Final = "first_chunk_ms=300; chunk_ms=40"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BESIDE_THE_HOST: Final = frozenset({"azurite", "event_hubs", "azure_openai", "view"})


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    # Set even if SIGINT was inherited as ignored, as by a shell script's background jobs: it is the
    # way to stop a run.
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        _run(parse(arguments))
    except SettingsError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except StackError as error:
        print(f"\nfnsse: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    # The parts end within a bounded time; a second Ctrl-C must not leave some of them running.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(options: RunOptions) -> None:
    console = Console(options.folder / "logs", verbose=options.verbose)
    try:
        stack = _stack(options, console)
        # the app does it at its start too, but its message would be lost in the host's output
        config = load(stack.settings)
        try:
            with alone_in(options.folder):
                _start_and_serve(stack, config, options, console)
        except (FolderInUse, PortsTaken) as error:
            raise StackError(
                f"{error}\nUse instead: {_instead(error, options, stack.listening).make_line()}"
            ) from None
    except KeyboardInterrupt:
        console.line("stopped: all parts have ended, their ports are free")
    finally:
        console.close()


def _instead(
    error: FolderInUse | PortsTaken, options: RunOptions, listening: dict[str, int]
) -> RunOptions:
    """Options with which this run can start. The run that uses the folder usually has its ports
    too.
    """
    ports = Ports(**(options.ports.by_name() | alternatives(listening)))
    return replace(
        options,
        ports=ports,
        folder=another(options.folder) if isinstance(error, FolderInUse) else options.folder,
    )


def _stack(options: RunOptions, console: Console) -> Stack:
    host: FunctionsHost = "func" if options.functions_host == "func" else "embedded"
    return Stack(
        functions_host=host,
        own={**read_settings_file(options.settings), **os.environ},
        only=_BESIDE_THE_HOST
        if options.functions_host == "none"
        else _BESIDE_THE_HOST | {"functions_host"},
        ports=options.ports,
        data=options.folder,
        app=ROOT,
        stand_in_defaults=_PACE,
        on_line=console.part_line,
        on_step=console.line,
    )


def _start_and_serve(stack: Stack, config: Settings, options: RunOptions, console: Console) -> None:
    started = time.monotonic()
    keep_earlier_logs(options.folder)
    try:
        stack.start()
        console.line(f"all parts serve after {time.monotonic() - started:.1f} s")
        _serve(stack, config, options, console)
    except KeyboardInterrupt:
        console.line("\nstopping")
        raise
    finally:
        stack.stop()


def _serve(stack: Stack, config: Settings, options: RunOptions, console: Console) -> None:
    # Importing the two SDKs takes a second, during which the parts start.
    from local.events.feed import LocalEventFeed
    from local.events.text import save, summary
    from local.run import demonstration

    events = options.folder / "events"
    outages = Outages(stack, options.folder, console.line)
    with (
        announce(options.folder, describe(stack)),
        LocalEventFeed(stack.settings, from_start="event_hubs" in stack.local_parts) as feed,
    ):
        if options.demo:
            demonstration.show(stack, console, feed, options.deployment, events)
        if options.exit_after_demo:
            return
        console.line(addresses.where(stack, config, options.folder))
        if options.functions_host == "none":
            console.line(addresses.how_to_start_func(stack.ports))
        else:
            console.line(addresses.how_to_call(stack, options.deployment, options.folder))
        while True:
            outages.check()
            event = feed.next(within_s=0.2)
            if event is not None:
                save(event, events)
                console.line(f"event          | {summary(event)}")


if __name__ == "__main__":
    sys.exit(main())
