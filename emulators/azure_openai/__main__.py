"""`python -m emulators.azure_openai`: serve the stand-in on 127.0.0.1 until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import errno
import signal
import sys
from typing import Final

from emulators.azure_openai.app import StandInApp
from emulators.azure_openai.connection import StandInConnection
from emulators.azure_openai.directives import DirectiveError, Directives, parse
from emulators.azure_openai.recording import ExchangeRecording

_HOST: Final = "127.0.0.1"  # loopback only, because it accepts any key
_BACKLOG: Final = 1024
_ABOUT: Final = (
    "A stand-in for Azure OpenAI on 127.0.0.1. Takes any key. A call controls its response in the header "
    "'x-stand-in: chunk_ms=20; reset_after=5' or in the deployment's name, 'gpt-4o--chunk_ms=20,reset_after=5'; "
    "emulators/azure_openai/directives.py lists all directives. GET /_stand_in/exchanges returns the record."
)


def main() -> int:
    """Serve. Returns the exit code: 0 after a signal, 1 if the port is taken, 2 for wrong
    arguments.
    """
    parser = argparse.ArgumentParser(prog="python -m emulators.azure_openai", description=_ABOUT)
    parser.add_argument(
        "--port",
        type=int,
        default=8081,
        help="port on 127.0.0.1; 0 takes a free one (default 8081)",
    )
    parser.add_argument(
        "--defaults",
        default="",
        metavar="DIRECTIVES",
        help="directives for requests that say nothing else, as in 'first_chunk_ms=300; chunk_ms=20'",
    )
    arguments = parser.parse_args()
    try:
        defaults = parse(arguments.defaults)
    except DirectiveError as error:
        parser.error(str(error))
    try:
        asyncio.run(_serve(arguments.port, defaults))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        message = f"port {arguments.port} on {_HOST} is taken: stop what uses it, or choose another with --port"
        print(f"azure_openai: {message}", file=sys.stderr)
        return 1
    return 0


async def _serve(port: int, defaults: Directives) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    recording, connections = ExchangeRecording(), set[StandInConnection]()
    app = StandInApp(recording, defaults)
    server = await loop.create_server(
        lambda: StandInConnection(app, recording, connections), _HOST, port, backlog=_BACKLOG
    )
    address = server.sockets[0].getsockname()[1]
    print(f"ready: Azure OpenAI stand-in on http://{_HOST}:{address}", flush=True)
    await stop.wait()
    server.close()
    for connection in list(connections):
        connection.close()
    await asyncio.sleep(0)  # lets the transports close their sockets


if __name__ == "__main__":
    sys.exit(main())
