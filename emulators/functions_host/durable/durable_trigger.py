"""Durable Functions as one of the host's triggers: the engine and the endpoint of the client
library.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from emulators.functions_host.durable.calls import DurableCalls
from emulators.functions_host.durable.engine import Engine
from emulators.functions_host.durable.functions import DurableFunctions
from emulators.functions_host.durable.links import Links
from emulators.functions_host.durable.management import Management
from emulators.functions_host.durable.options import DurableOptions
from emulators.functions_host.durable.store import InstanceStore
from emulators.functions_host.invocations import Invocations


class _CallServer(uvicorn.Server):
    """uvicorn without its signal handlers: the host decides."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class DurableTrigger:
    """Runs the app's orchestrations."""

    def __init__(
        self,
        functions: DurableFunctions,
        options: DurableOptions,
        invocations: Invocations,
        store: InstanceStore,
        origin: str,
        *,
        worker_died: bool,
    ) -> None:
        """`origin` is the host's own address, the base of management URLs. `worker_died`: this
        worker replaces one that died.
        """
        links = Links(origin=origin, hub_name=options.hub_name)
        self._engine = Engine(
            store,
            DurableCalls(functions, invocations),
            worker_died=worker_died,
            max_concurrent_activities=options.max_concurrent_activities,
        )
        self.webhooks = Management(self._engine, links)
        # A separate address, as on the real host: it still serves when the public one accepts no
        # new requests.
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.client_binding = links.client_binding(
            f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        )

    async def run(self) -> None:
        """Run until `stop`, then wait for the running functions."""
        config = uvicorn.Config(
            self.webhooks,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
        )
        # Functions that still run may call it, so it ends with the process, or with this one's
        # cancellation.
        serving = asyncio.create_task(_CallServer(config).serve(sockets=[self._listening]))
        try:
            await self._engine.run()
        except BaseException:
            serving.cancel()
            raise

    def stop(self) -> None:
        """Call no more functions."""
        self._engine.stop()
