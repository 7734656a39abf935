"""An app with orchestrations on a host, and the HTTP API of Durable Functions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx

from harness.functions_host_process import HTTP, HostProcess
from harness.waiting import poll_until

APP = Path(__file__).with_name("durable_app.py")
WEBHOOKS = "/runtime/webhooks/durabletask"
type StatusLinks = dict[str, str]


def app_folder(folder: Path, durable_task: dict[str, Any] | None = None) -> Path:
    """Lay out an app folder with durable_app.py."""
    shutil.copy(APP, folder / "function_app.py")
    extensions = {
        "http": {"routePrefix": ""},
        **({"durableTask": durable_task} if durable_task else {}),
    }
    bundle = {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.*, 5.0.0)"}
    (folder / "host.json").write_text(
        json.dumps({"version": "2.0", "extensions": extensions, "extensionBundle": bundle})
    )
    return folder


def start_orchestration(
    host: HostProcess, name: str, data: Any = None, instance_id: str = ""
) -> StatusLinks:
    """Start an orchestration; return its management URLs."""
    response = start(host, name, data, instance_id)
    assert response.status_code == 202, response.text
    links: StatusLinks = response.json()
    return links


def start(host: HostProcess, name: str, data: Any = None, instance_id: str = "") -> httpx.Response:
    query = f"?id={instance_id}" if instance_id else ""
    content = b"" if data is None else json.dumps(data)
    return HTTP.post(host.url(f"/start/{name}{query}"), content=content)


def status(links: StatusLinks, extra: str = "") -> httpx.Response:
    return HTTP.get(links["statusQueryGetUri"] + extra)


def wait_for_end(links: StatusLinks, *, within_s: float = 40.0) -> dict[str, Any]:
    """Wait for the end of an orchestration; return its status."""
    poll_until(
        lambda: status(links).status_code == 200, lambda: status(links).text, within_s=within_s
    )
    body: dict[str, Any] = status(links).json()
    return body


def wait_for_status(links: StatusLinks, **members: Any) -> None:
    """Wait until the status has these members."""

    def has() -> bool:
        body = status(links).json()
        return all(body[name] == value for name, value in members.items())

    poll_until(has, lambda: status(links).text)


def client(host: HostProcess, operation: str, **arguments: Any) -> Any:
    """Call the Durable client library within the app. Returns its result, or the message of its
    exception.
    """
    response = HTTP.post(host.url(f"/client/{operation}"), json=arguments)
    return response.json()["error"] if response.status_code == 500 else response.json()
