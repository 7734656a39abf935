"""Every wait on a dependency ends within its bound: the table of waits, walked with dependencies
that accept a connection and then are silent, trickle, or break off.

In each case the bound of its row is short and every other one is longer than the test may take.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest
from azure.core.exceptions import AzureError
from azure.identity.aio import ManagedIdentityCredential

from harness.event_hubs_emulator import Emulator
from harness.sample_envelope import PLAIN
from shared.access.key_renewal import KeyRenewal, RenewalPace
from shared.adapters.blobs.captures import Captures
from shared.adapters.blobs.json_blobs import JsonBlobs
from shared.adapters.blobs.start_lease import StartLease
from shared.adapters.blobs.usage_claims import UsageClaims
from shared.adapters.event_hub.sender import EventSender
from shared.adapters.http_client.transport import AiohttpTransport
from shared.adapters.identity.credentials import CachedToken, KeyCredential
from shared.adapters.identity.entra import EntraTenant
from shared.adapters.storage.account import StorageAccount
from shared.adapters.upstream.reader import UpstreamReader
from shared.adapters.upstream.sender import RequestSender
from shared.enrichment.assembly import Assembler
from shared.errors import (
    DeliveryError,
    FnsseError,
    SigningKeysUnavailable,
    StorageError,
    UpstreamError,
)
from shared.health.readiness import Readiness
from shared.relay.request_body import HeldBody
from shared.settings.settings import EventHubSettings, StorageSettings
from shared.settings.timeouts import EventHubTimeouts, StorageTimeouts
from tests.integration.dependencies.silent_proxy import proxy_to
from tests.integration.support.azurite import ledger_stores
from tests.integration.support.event_deliveries import event_delivery
from tests.integration.support.exchanges import UPSTREAM, RelayClient, relay_setup
from tests.integration.support.misbehaviour import Misbehaviour, misbehave
from tests.integration.support.tiny_server import Connection, TinyServer, serving
from tests.support.no_identity import no_identity
from tests.support.waits import WAITS, Wait

pytestmark = [
    pytest.mark.anyio,
    # The Event Hubs SDK leaves a connection unclosed whose peer never answered: its socket, and in
    # asyncio the transport and the writer of it. See `collect_connections`.
    pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:unclosed transport <_Selector:ResourceWarning"),
]

DEADLINE_S: Final = 20.0
BUSY_DEADLINE_S: Final = 120.0  # for a test that tries again
LONG_S: Final = 600.0
SHORT_S: Final = 0.3
HUB: Final = "openai-logs"

HTTP_RESPONSE: Final = b"HTTP/1.1 200 OK\r\nx-padding: "
AMQP_RESPONSE: Final = b"AMQP\x03\x01\x00\x00\x00\x00\x40\x00\x02\x01\x00\x00"


@dataclass(frozen=True, kw_only=True)
class MisbehavingDependency:
    """A dependency that misbehaves, with the calls that are tried on it."""

    how: Misbehaviour
    emulator: Emulator

    @contextlib.asynccontextmanager
    async def server(
        self, response: bytes = HTTP_RESPONSE, *, reads: bool = True
    ) -> AsyncIterator[TinyServer]:
        async def script(connection: Connection) -> None:
            await misbehave(connection, self.how, response, reads=reads)

        async with serving(script) as running:
            yield running


@pytest.fixture
async def collect_connections() -> AsyncIterator[None]:
    """The Event Hubs SDK leaves a connection that was never answered to the garbage collector: here
    it comes while the event loop runs.
    """
    yield
    gc.collect()
    await asyncio.sleep(0)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator("--port", "0", "--control-port", "0", "--hub", HUB) as running:
        yield running


@contextlib.asynccontextmanager
async def sample_event_hub(
    port: int, clock: Callable[[], float] = time.monotonic, **seconds: float
) -> AsyncIterator[EventSender]:
    settings = EventHubSettings(
        connection_string=f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
        namespace=None,
        name=HUB,
    )
    long = EventHubTimeouts(open_s=LONG_S, send_s=LONG_S, probe_s=LONG_S, close_s=SHORT_S)
    event_hub = EventSender(settings, no_identity, timeouts=replace(long, **seconds), clock=clock)
    try:
        yield event_hub
    finally:
        await event_hub.aclose()


async def largest_event(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server(AMQP_RESPONSE) as server,
        sample_event_hub(server.port, open_s=SHORT_S) as event_hub,
    ):
        with pytest.raises(DeliveryError):
            await event_hub.limit_bytes()


async def link(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server(AMQP_RESPONSE) as server,
        sample_event_hub(server.port, open_s=SHORT_S) as event_hub,
    ):
        with pytest.raises(DeliveryError):
            await event_hub.send(b"{}", "id")


async def acceptance(dependency: MisbehavingDependency) -> None:
    async with (
        proxy_to(dependency.emulator.port) as proxy,
        sample_event_hub(proxy.port, send_s=SHORT_S) as event_hub,
    ):
        await event_hub.limit_bytes()  # the link is open
        proxy.set(open_ones=dependency.how, new_ones=dependency.how)
        with pytest.raises(DeliveryError):
            await event_hub.send(b"{}", "id")


async def probe(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server(AMQP_RESPONSE) as server,
        sample_event_hub(server.port, probe_s=SHORT_S) as event_hub,
    ):
        with pytest.raises(DeliveryError):
            await event_hub.probe()


async def end_of_connection(dependency: MisbehavingDependency) -> None:
    async with (
        proxy_to(dependency.emulator.port) as proxy,
        sample_event_hub(proxy.port, close_s=SHORT_S) as event_hub,
    ):
        await event_hub.limit_bytes()
        proxy.set(open_ones=dependency.how, new_ones=dependency.how)
        await event_hub.aclose()


@contextlib.asynccontextmanager
async def sample_storage(
    server: TinyServer, *, tls: bool = False, **seconds: float
) -> AsyncIterator[StorageAccount]:
    scheme = "https" if tls else "http"
    address = f"{scheme}://127.0.0.1:{server.port}/devstoreaccount1"
    settings = StorageSettings(
        setting="CAPTURES_STORAGE",
        connection_string=f"DefaultEndpointsProtocol={scheme};AccountName=devstoreaccount1;AccountKey=a2V5;"
        f"BlobEndpoint={address};QueueEndpoint={address};",
        blob_service_uri=None,
        queue_service_uri=None,
    )
    long = StorageTimeouts(connect_s=LONG_S, silence_s=LONG_S, response_s=LONG_S, call_s=LONG_S)
    storage = StorageAccount(settings, no_identity, timeouts=replace(long, **seconds))
    try:
        yield storage
    finally:
        await storage.aclose()


async def storage_turn(dependency: MisbehavingDependency) -> None:
    """All connections wait for a response that does not come."""
    async with dependency.server() as server, sample_storage(server, turn_s=SHORT_S) as storage:
        others = [
            asyncio.create_task(storage.direct.get_range("captures/a", 0, 1)) for _ in range(100)
        ]
        await asyncio.sleep(0)
        with pytest.raises(StorageError):
            await storage.direct.get_range("captures/a", 0, 1)
        for other in others:
            other.cancel()
        await asyncio.wait(others)


async def storage_connection(dependency: MisbehavingDependency) -> None:
    """TLS, which such a server never finishes; that it listens is the kernel's doing."""
    async with (
        dependency.server() as server,
        sample_storage(server, tls=True, connect_s=SHORT_S) as storage,
    ):
        with pytest.raises(StorageError):
            await storage.direct.put_blob("captures/a", b"")


async def storage_silence(dependency: MisbehavingDependency) -> None:
    async with dependency.server() as server, sample_storage(server, silence_s=SHORT_S) as storage:
        with pytest.raises(StorageError):
            await storage.direct.get_range("captures/a", 0, 1)


async def storage_answer(dependency: MisbehavingDependency) -> None:
    """The headers come at once; it is the body that does not end."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nbeginning")
        await misbehave(connection, dependency.how)

    async with serving(script) as server, sample_storage(server, response_s=SHORT_S) as storage:
        with pytest.raises(StorageError):
            await storage.direct.get_range("captures/a", 0, 1)


async def sdk_call(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server(reads=False) as server,
        sample_storage(server, call_s=SHORT_S) as storage,
    ):
        with pytest.raises(StorageError):
            await Captures(storage).stage("a", 1, bytes(1_000_000))
        with pytest.raises(StorageError):
            [name async for name in JsonBlobs(storage).names("a")]


async def start_lease(dependency: MisbehavingDependency) -> None:
    async with dependency.server() as server, sample_storage(server) as storage:
        with pytest.raises(StorageError):
            async with StartLease(storage, "locks/a", timeout_s=SHORT_S).hold():
                pass


async def upstream_answer(
    dependency: MisbehavingDependency,
    *,
    tls: bool = False,
    body: bytes = b"",
    connect_s: float = LONG_S,
    write_s: float = LONG_S,
    read_s: float = LONG_S,
) -> None:
    scheme = "https" if tls else "http"
    async with (
        dependency.server(reads=not body) as server,
        AiohttpTransport(max_connections=10) as transport,
    ):
        settings = replace(
            UPSTREAM,
            base_url=f"{scheme}://127.0.0.1:{server.port}",
            connect_timeout_s=connect_s,
            write_timeout_s=write_s,
            read_timeout_s=read_s,
        )
        upstream = RequestSender(settings, transport, KeyCredential("key"))
        with pytest.raises(UpstreamError):
            await upstream.send("POST", b"/", [], HeldBody(body))


async def upstream_connection(dependency: MisbehavingDependency) -> None:
    await upstream_answer(dependency, tls=True, connect_s=SHORT_S)


async def upstream_upload(dependency: MisbehavingDependency) -> None:
    await upstream_answer(dependency, body=bytes(20_000_000), write_s=SHORT_S)


async def upstream_byte(dependency: MisbehavingDependency) -> None:
    if dependency.how is not Misbehaviour.TRICKLING:  # the next row's
        await upstream_answer(dependency, read_s=SHORT_S)


async def whole_exchange(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server() as server,
        AiohttpTransport(max_connections=10) as transport,
    ):
        setup = relay_setup(transport=transport, base_url=server.url, exchange_s=SHORT_S)
        client = RelayClient(setup.relay, b"{}")
        await client.run()
        assert client.status == (502 if dependency.how is Misbehaviour.RESET else 504)
        await setup.wait_until_recorded()


async def token(dependency: MisbehavingDependency) -> None:
    async with dependency.server() as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("IDENTITY_ENDPOINT", f"{server.url}/token")
            patch.setenv("IDENTITY_HEADER", "header")
            credential = ManagedIdentityCredential()
        async with credential:
            cached = CachedToken(credential, "scope/.default", timeout_s=SHORT_S)
            with pytest.raises((FnsseError, TimeoutError, AzureError)):
                await cached.value()


async def signing_keys(dependency: MisbehavingDependency) -> None:
    async with dependency.server() as server:
        renewal = KeyRenewal(
            EntraTenant(server.url, "tenant").signing_keys, RenewalPace(fetch_s=SHORT_S)
        )
        renewal.begin()
        try:
            with pytest.raises(SigningKeysUnavailable):
                await renewal.current_with("key")
        finally:
            await renewal.aclose()


async def readiness(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server(AMQP_RESPONSE) as hub,
        dependency.server() as store,
        sample_event_hub(hub.port) as event_hub,
        sample_storage(store) as storage,
    ):
        probes = {"event_hub": event_hub.probe, "blobs": Captures(storage).probe}
        states = await Readiness(probes, probe_timeout_s=SHORT_S).check()
        assert states == {"event_hub": "unreachable", "blobs": "unreachable"}


async def delivery(dependency: MisbehavingDependency) -> None:
    """None of its waits ends by itself."""
    async with (
        dependency.server(AMQP_RESPONSE) as hub,
        dependency.server() as store,
        sample_event_hub(hub.port) as event_hub,
        sample_storage(store) as storage,
    ):
        stores = ledger_stores(storage, "worker")
        enrichment = event_delivery(
            captures=Captures(storage),
            assemble=Assembler(None),
            claims=UsageClaims(JsonBlobs(storage)),
            event_hub=event_hub,
            ledger=stores.ledger,
            dead_letters=stores.dead_letters,
            erased_exchanges=stores.erasure_marks,
            timeout_s=SHORT_S,
        )
        with pytest.raises(DeliveryError):
            await enrichment.deliver(PLAIN)
        with pytest.raises((DeliveryError, StorageError)):
            await enrichment.deliver(replace(PLAIN, outcome_pending=True))


async def followed_response(dependency: MisbehavingDependency) -> None:
    async with (
        dependency.server() as server,
        AiohttpTransport(max_connections=10) as transport,
    ):
        settings = replace(UPSTREAM, base_url=server.url, read_timeout_s=LONG_S)
        reader = UpstreamReader(
            RequestSender(settings, transport, KeyCredential("key")), timeout_s=SHORT_S
        )
        with pytest.raises(UpstreamError):
            await reader.get(b"/openai/v1/responses/resp_1")


# The calls that try each row of the table: dependency and the kind of wait.
TRIALS: Final[dict[tuple[str, str], Callable[[MisbehavingDependency], Awaitable[None]]]] = {
    (
        "Event Hub",
        "the size of the largest event that it takes, connecting included",
    ): largest_event,
    ("Event Hub", "a link for a publication, connecting included"): link,
    ("Event Hub", "the acceptance of a publication"): acceptance,
    ("Event Hub", "the probe of back-pressure and readiness"): probe,
    ("Event Hub", "closing a connection that is replaced"): end_of_connection,
    (
        "Storage, calls of every exchange",
        "a free connection among the worker's 100 to the service",
    ): storage_turn,
    ("Storage, calls of every exchange", "a connection"): storage_connection,
    (
        "Storage, calls of every exchange",
        "the response's headers, then each piece of its body",
    ): storage_silence,
    ("Storage, calls of every exchange", "the whole response"): storage_answer,
    (
        "Storage, all other calls",
        "a call with all its tries, or one page or piece of a long response",
    ): sdk_call,
    (
        "Storage, the start of reconcile",
        "its lease of 30 s, the look for an active run, the start",
    ): start_lease,
    ("Azure OpenAI", "a connection"): upstream_connection,
    ("Azure OpenAI", "taking 64 KiB of the request's body"): upstream_upload,
    ("Azure OpenAI", "the next byte of the response"): upstream_byte,
    ("Azure OpenAI", "the whole exchange, however slowly its bytes come"): whole_exchange,
    ("Azure OpenAI", "a poll of a response that the app follows"): followed_response,
    ("Identity endpoint", "a token"): token,
    ("Entra", "the tenant's signing keys"): signing_keys,
    ("Readiness", "the probe of a dependency"): readiness,
    (
        "Enrichment",
        "one message, from its outcome and captures to the acceptance of its event",
    ): delivery,
}


def key(wait: Wait) -> tuple[str, str]:
    return wait.dependency, wait.operation


def test_every_wait_is_tried() -> None:
    assert {key(wait) for wait in WAITS} == set(TRIALS)


@pytest.mark.usefixtures("collect_connections")
@pytest.mark.parametrize("how", Misbehaviour, ids=lambda how: how.name.lower())
@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: f"{wait.dependency}: {wait.operation}")
async def test_a_wait_ends_within_its_bound(
    wait: Wait, how: Misbehaviour, emulator: Emulator
) -> None:
    async with asyncio.timeout(DEADLINE_S):
        await TRIALS[key(wait)](MisbehavingDependency(how=how, emulator=emulator))


async def until_it_succeeds(call: Callable[[], Awaitable[None]]) -> None:
    """Call it until it raises no DeliveryError: on a busy machine an Event Hub that answers may
    take longer than a short bound.
    """
    while True:
        with contextlib.suppress(DeliveryError):
            await call()
            return


async def until_it_fails(call: Callable[[], Awaitable[None]], message: str) -> None:
    """Call it until it raises a DeliveryError with this message. Each call has to raise one."""
    while True:
        with pytest.raises(DeliveryError) as failure:
            await call()
        if message in str(failure.value):
            return


@pytest.mark.usefixtures("collect_connections")
async def test_a_returning_event_hub_is_used_again(emulator: Emulator) -> None:
    """The open connection falls silent, new connections are accepted and not answered, and later
    ones are answered again: no send waits for an old connection, and the probe reports the state at
    each time.
    """
    moment = 0.0
    async with (
        asyncio.timeout(BUSY_DEADLINE_S),
        proxy_to(emulator.port) as proxy,
        sample_event_hub(proxy.port, lambda: moment, open_s=2, send_s=1, probe_s=2) as event_hub,
    ):
        await until_it_succeeds(lambda: event_hub.send(b"{}", "first"))
        await until_it_succeeds(event_hub.probe)
        proxy.set(open_ones=Misbehaviour.SILENT, new_ones=Misbehaviour.SILENT)
        for _ in range(2):
            with pytest.raises(DeliveryError):
                await event_hub.send(b"{}", "second")
        with pytest.raises(DeliveryError):
            await event_hub.probe()
        proxy.set(open_ones=None, new_ones=None)
        # the probe's own connection is answered, but no event was accepted
        await until_it_fails(event_hub.probe, "took no event in time")
        await until_it_succeeds(lambda: event_hub.send(b"{}", "second"))
        await until_it_succeeds(event_hub.probe)


@pytest.mark.usefixtures("collect_connections")
async def test_a_silence_is_forgotten_after_a_while(emulator: Emulator) -> None:
    """Another worker may have delivered the message: without one, nothing would ever clear it."""
    moment = 0.0
    async with (
        asyncio.timeout(DEADLINE_S),
        proxy_to(emulator.port) as proxy,
        sample_event_hub(proxy.port, lambda: moment, open_s=SHORT_S) as event_hub,
    ):
        proxy.set(open_ones=None, new_ones=Misbehaviour.SILENT)
        with pytest.raises(DeliveryError):
            await event_hub.limit_bytes()
        proxy.set(open_ones=None, new_ones=None)
        moment = 59.0
        with pytest.raises(DeliveryError):
            await event_hub.probe()
        moment = 60.0
        await event_hub.probe()
