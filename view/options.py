"""The command line of `python -m view`, and the environment.

The settings have the names of the app's own, so that the view runs where the app's settings are.
Secrets come from the environment alone: a command line can be read by everyone on the machine.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from view.errors import OptionsError

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_PORT: Final = 8090
TRACE_ID: Final = "{trace_id}"  # stands for the id in the address of a trace


@dataclass(frozen=True, kw_only=True, slots=True)
class EventHubAddress:
    """Where events are read. One of `connection_string` and `namespace` is given."""

    connection_string: str | None = field(repr=False)
    namespace: str | None  # fully qualified; read as the identity of azure-identity
    name: str | None  # the Event Hub's; None: the connection string's EntityPath
    consumer_group: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturesAddress:
    """Where captures are read. One of the two is given."""

    connection_string: str | None = field(repr=False)
    blob_service_uri: str | None  # read as the identity of azure-identity


@dataclass(frozen=True, kw_only=True, slots=True)
class AppAddress:
    """The app whose exchanges are shown, for the playground and for what operators do."""

    url: str
    key: str | None = field(repr=False)  # the callers' key
    # the operators': a key of the Functions host, or "Bearer …"
    operator_key: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewOptions:
    """The options that the view is started with. None: not given."""

    mode: str  # local: beside a local stack; deployment
    host: str
    port: int
    event_hub: EventHubAddress
    captures: CapturesAddress | None
    app: AppAddress | None
    store: Path | None  # None: a file that is removed at the end
    max_exchanges: int
    since_minutes: float | None  # None: all that the Event Hub still has
    deployments: tuple[str, ...]
    # address of a trace in a viewer, with {trace_id} in the place of the id; None: no link
    trace_url: str | None

    @property
    def is_loopback(self) -> bool:
        """Only this machine reaches the page."""
        return self.host in LOOPBACK


def parse(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> ViewOptions:
    """Read command line and environment. Raises OptionsError, and exits as argparse does for
    `--help` and unknown options.
    """
    read = _parser().parse_args(arguments)
    if not 0 <= read.port <= 65_535:
        raise OptionsError(f"--port must be a port, a number from 0 to 65535, and not {read.port}")
    if read.keep < 1:
        raise OptionsError(f"--keep must be at least 1, and not {read.keep}")
    return ViewOptions(
        mode="local" if read.local else "deployment",
        host=read.host,
        port=read.port,
        event_hub=event_hub_of(environment, read.consumer_group),
        captures=captures_of(environment),
        app=_app(read, environment),
        store=read.store,
        max_exchanges=read.keep,
        since_minutes=read.since_minutes,
        deployments=tuple(read.deployment or ()),
        trace_url=_trace_url(read.trace_url or _setting(environment, "TRACE_URL")),
    )


def _setting(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name, "").strip() or None


def event_hub_of(environment: Mapping[str, str], consumer_group: str) -> EventHubAddress:
    """The Event Hub that the environment names. Raises OptionsError."""
    connection_string = _setting(environment, "AZURE_EVENTHUB_CONN_STR")
    namespace = _setting(environment, "AZURE_EVENTHUB_NAMESPACE")
    name = _setting(environment, "AZURE_EVENTHUB_NAME")
    if connection_string is None and namespace is None:
        raise OptionsError(
            "no Event Hub is named: set AZURE_EVENTHUB_NAMESPACE (my-namespace.servicebus.windows.net; "
            "you need the role Azure Event Hubs Data Receiver, and `az login`) or AZURE_EVENTHUB_CONN_STR, "
            "and AZURE_EVENTHUB_NAME"
        )
    if name is None and "EntityPath=" not in (connection_string or ""):
        raise OptionsError("AZURE_EVENTHUB_NAME is not set: the name of the Event Hub")
    return EventHubAddress(
        connection_string=connection_string,
        namespace=None if connection_string else namespace,
        name=name,
        consumer_group=consumer_group,
    )


def captures_of(environment: Mapping[str, str]) -> CapturesAddress | None:
    """The storage account that the environment names; None: it names none. Raises OptionsError."""
    uri = _setting(environment, "CAPTURES_STORAGE__blobServiceUri")
    connection_string = _setting(environment, "CAPTURES_STORAGE")
    if uri is None and connection_string is None:
        # the app's own default
        connection_string = _setting(environment, "AzureWebJobsStorage")
        account = _setting(environment, "AzureWebJobsStorage__accountName")
        uri = f"https://{account}.blob.core.windows.net" if account else None
    if connection_string is None and uri is None:
        return None
    if connection_string is None and urlsplit(uri or "").scheme not in {"http", "https"}:
        raise OptionsError(
            "CAPTURES_STORAGE__blobServiceUri must be an address, such as https://account.blob.core.windows.net"
        )
    return CapturesAddress(
        connection_string=connection_string,
        blob_service_uri=None if connection_string else uri,
    )


def _app(read: argparse.Namespace, environment: Mapping[str, str]) -> AppAddress | None:
    if read.app is None:
        return None
    parts = urlsplit(read.app)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise OptionsError(
            f"--app must be an address, such as https://my-app.azurewebsites.net, and not {read.app}"
        )
    return AppAddress(
        url=read.app.rstrip("/"),
        key=_setting(environment, "FNSSE_CALLER_KEY"),
        # the local host takes any
        operator_key=_setting(environment, "FNSSE_OPERATOR_KEY")
        or ("local" if read.local else None),
    )


def _trace_url(template: str | None) -> str | None:
    if template is None:
        return None
    if urlsplit(template).scheme not in {"http", "https"} or TRACE_ID not in template:
        raise OptionsError(
            f"--trace-url must be an address with {TRACE_ID} in it, such as "
            f"http://127.0.0.1:6006/redirects/traces/{TRACE_ID}, and not {template}"
        )
    return template


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m view",
        description="Serves a page that shows the exchanges of an Event Hub as they arrive. It reads, and changes nothing.",
        epilog="Environment: AZURE_EVENTHUB_NAME with AZURE_EVENTHUB_NAMESPACE or AZURE_EVENTHUB_CONN_STR; "
        "CAPTURES_STORAGE__blobServiceUri or CAPTURES_STORAGE (without it, no captures are shown); with --app "
        "FNSSE_CALLER_KEY for the playground and FNSSE_OPERATOR_KEY for what operators do; TRACE_URL in place of "
        "--trace-url. "
        "Roles: Azure Event Hubs Data Receiver, Storage Blob Data Reader. How-to: docs/how-to/look-at-a-deployment.md",
    )
    _add_page_options(parser)
    _add_event_options(parser)
    _add_app_options(parser)
    return parser


def _add_page_options(parser: argparse.ArgumentParser) -> None:
    """Options of the page's address."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="default: %(default)s, this machine alone; others need a token, which is printed",
    )
    parser.add_argument(
        "--port", type=int, default=_PORT, metavar="N", help="default: %(default)s; 0: a free one"
    )


def _add_event_options(parser: argparse.ArgumentParser) -> None:
    """Options of reading the Event Hub, and of what is kept."""
    parser.add_argument(
        "--consumer-group",
        default="view",
        metavar="NAME",
        help="of the Event Hub, for the view alone; default: %(default)s",
    )
    parser.add_argument(
        "--since-minutes",
        type=float,
        metavar="N",
        help="read events that are at most so old; default: all that the Event Hub has",
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FILE",
        help="keep what was read in this file; default: in one that is removed at the end",
    )
    parser.add_argument(
        "--keep",
        type=int,
        default=200_000,
        metavar="N",
        help="how many exchanges are kept; default: %(default)s",
    )


def _add_app_options(parser: argparse.ArgumentParser) -> None:
    """Options of what the page offers besides: calls of the app, and links to traces."""
    parser.add_argument(
        "--app",
        metavar="URL",
        help="address of the app or its gateway, for the playground and the actions of operators",
    )
    parser.add_argument(
        "--deployment",
        action="append",
        metavar="NAME",
        help="that the playground offers; repeatable",
    )
    parser.add_argument(
        "--trace-url",
        metavar="TEMPLATE",
        help=f"address of a trace in your viewer, with {TRACE_ID} in it: exchanges link to theirs",
    )
    parser.add_argument(
        "--local",
        action="store_true",
        help="beside a local stack: the playground offers the stand-in's faults",
    )
