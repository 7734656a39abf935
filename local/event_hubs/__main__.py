"""`python -m local.event_hubs`: start the emulator and serve until SIGTERM or SIGINT."""

import argparse
import asyncio
import errno
import signal
import sys
from contextlib import AsyncExitStack

from aiohttp import web

from local.event_hubs.control import control_app
from local.event_hubs.namespace import Namespace
from local.event_hubs.server import AmqpConnection

_HOST = "127.0.0.1"
_CONNECTION_STRING = (
    "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;"
    "UseDevelopmentEmulator=true;"
)


class PortTakenError(Exception):
    """A port is in use; the message names it and says how to choose another."""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.event_hubs",
        description="Event Hubs emulator for the azure-eventhub SDK. Events are kept in memory only.",
        epilog=f"Connection string: {_CONNECTION_STRING.format(port='PORT')} (the port may be omitted if it is 5672).",
    )
    parser.add_argument(
        "--port", type=int, default=5672, help="AMQP port (default 5672; 0: any free one)"
    )
    parser.add_argument(
        "--control-port",
        type=int,
        default=5673,
        help="HTTP control port (default 5673; 0: any free one)",
    )
    parser.add_argument(
        "--hub",
        action="append",
        metavar="NAME",
        help="a hub to serve, repeatable (default openai-logs)",
    )
    parser.add_argument("--partitions", type=int, default=4, help="partitions per hub (default 4)")
    parser.add_argument(
        "--retention-mb",
        type=int,
        default=32,
        help="newest MB of events that each partition keeps (default 32)",
    )
    parser.add_argument(
        "--idle-timeout",
        type=float,
        default=240,
        metavar="S",
        help="close connections silent for S seconds (default 240)",
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.partitions <= 32:
        parser.error("--partitions must be between 1 and 32, as in Azure")
    if options.retention_mb < 2:
        parser.error("--retention-mb must be at least 2: the largest event has 1 MB")
    options.hub = options.hub or ["openai-logs"]
    return options


async def serve(options: argparse.Namespace) -> None:
    """Serve until a signal arrives. Raises PortTakenError."""
    namespace = Namespace(
        options.hub, partitions=options.partitions, retention_bytes=options.retention_mb * 1_048_576
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        amqp_port = await _start_amqp(stack, namespace, options)
        control_port = await _start_control(stack, namespace, options)
        print(
            f"event_hubs ready: amqp://{_HOST}:{amqp_port} control http://{_HOST}:{control_port} "
            f"hubs {', '.join(options.hub)} ({options.partitions} partitions each)",
            flush=True,
        )
        await stop.wait()


async def _start_amqp(
    stack: AsyncExitStack, namespace: Namespace, options: argparse.Namespace
) -> int:
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(
            lambda: AmqpConnection(namespace, idle_timeout_s=options.idle_timeout),
            _HOST,
            options.port,
        )
    except OSError as error:
        raise _port_error(error, options.port, "AMQP", "--port") from error
    stack.callback(namespace.stop_connections)
    stack.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


async def _start_control(
    stack: AsyncExitStack, namespace: Namespace, options: argparse.Namespace
) -> int:
    runner = web.AppRunner(control_app(namespace), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, _HOST, options.control_port, shutdown_timeout=1).start()
    except OSError as error:
        raise _port_error(error, options.control_port, "control", "--control-port") from error
    return int(runner.addresses[0][1])


def _port_error(error: OSError, port: int, what: str, option: str) -> Exception:
    if error.errno != errno.EADDRINUSE:
        return error
    return PortTakenError(
        f"Port {port} ({what}) is taken by another program on {_HOST}. Choose another with {option} PORT."
    )


def main() -> int:
    options = parse_arguments()
    try:
        asyncio.run(serve(options))
    except PortTakenError as error:
        print(f"event_hubs: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
