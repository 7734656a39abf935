"""python -m emulators.functions_host --port 7071 [--app-dir .]: the embedded Functions host."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Final

from emulators.functions_host.app_settings import merge, read_local_settings
from emulators.functions_host.host_json import read_host_json
from emulators.functions_host.supervision import WorkerSupervisor, bind
from emulators.functions_host.unsupported import StartError

_DEFAULT_PORT: Final = 7071


def main() -> int:
    """Run the host; return its exit code."""
    options = _options()
    app_dir = options.app_dir.resolve()
    try:
        local = read_local_settings(app_dir / "local.settings.json")
        environment = merge(local.values, os.environ)
        # check it here, before anything is started
        read_host_json(app_dir / "host.json", environment)
        port = options.port if options.port is not None else local.port or _DEFAULT_PORT
        listening = bind(options.host, port)
        environment = {**_from_core_tools(listening), **environment}
    except StartError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return asyncio.run(
        WorkerSupervisor(
            app_dir, listening, environment, options.drain_timeout, options.data_dir
        ).run()
    )


def _from_core_tools(listening: socket.socket) -> dict[str, str]:
    """The variables that func start adds to the app's environment."""
    return {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "WEBSITE_HOSTNAME": f"localhost:{listening.getsockname()[1]}",
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.functions_host", description="The embedded Functions host."
    )
    parser.add_argument(
        "--port", type=int, help=f"port to listen on, 0 for any free one (default: {_DEFAULT_PORT})"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--app-dir", type=Path, default=Path(), help="folder with host.json and function_app.py"
    )
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER",
        help="where orchestrations are kept when the host ends (default: nowhere, they end with it)",
    )  # fmt: skip
    parser.add_argument(
        "--drain-timeout", type=float, default=30.0, metavar="SECONDS",
        help="how long running requests may take after SIGTERM or Ctrl-C (default: %(default)s)",
    )  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
