"""The function key is renewed while calls go on: the app takes the gateway's key all the time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

HOOK = Path(__file__).parents[2] / "infra" / "hooks" / "rotate.py"
APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/func"
VAULT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv"
GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/apim"
NAMED_VALUE = "fnsse-dev-function-key"

# Stands in for `az`: hands `az rest` to the test's server, body and all.
AZ = """#!{python} -IS
import pathlib, sys, urllib.error, urllib.request
words = dict(zip(sys.argv[2::2], sys.argv[3::2]))
assert sys.argv[1] == "rest" and not [word for word in sys.argv if set(word) & set('()"')]
body = words.get("--body", "@/dev/null")[1:]
url = words["--url"].replace("https://management.azure.com", "{address}/arm")
request = urllib.request.Request(url, pathlib.Path(body).read_bytes(), method=words["--method"].upper())
try:
    print(urllib.request.urlopen(request).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(f"{{error.code}}")
"""


class Azure:
    """The host's keys, the vault's secret, and what the gateway sends."""

    def __init__(self) -> None:
        self.keys = {"default": "key-0"}
        self.secret = self.gateway_sends = "key-0"
        self.made = 0
        self.refusals: list[str] = []  # moments in which a call of the gateway would get 401
        self.log: list[str] = []
        self.fails: str | None = None  # a step that is refused

    def handle(self, method: str, path: str, body: dict[str, Any], key: str | None) -> Any:
        """The status or the body of a response."""
        if not path.startswith("/arm"):
            return 404 if key in self.keys.values() else 401
        resource, _, _ = path.removeprefix("/arm").partition("?")
        step = f"{method} {'/'.join(resource.split('/')[-2:])}"
        step = re.sub(r"rotation-\d+", "rotation", step)
        self.log.append(step)
        if step == self.fails:
            return 403
        answer = self._carry_out(method, resource, body)
        if self.gateway_sends not in self.keys.values():
            self.refusals.append(step)
        return answer

    def _carry_out(self, method: str, resource: str, body: dict[str, Any]) -> dict[str, Any]:
        name = resource.rpartition("/")[2]
        if resource == f"{GATEWAY}/namedValues/{NAMED_VALUE}/refreshSecret":
            self.gateway_sends = self.secret
        elif resource == f"{VAULT}/secrets/functions-host-key":
            self.secret = body["properties"]["value"]
        elif resource == f"{APP}/host/default/listkeys":
            return {"functionKeys": self.keys}
        elif resource.startswith(f"{APP}/host/default/functionKeys/") and method == "DELETE":
            del self.keys[name]
        elif resource.startswith(f"{APP}/host/default/functionKeys/"):
            self.made += 1
            self.keys[name] = f"key-{self.made}"
            return {"properties": {"name": name, "value": self.keys[name]}}
        else:
            raise AssertionError(resource)
        return {}


@pytest.fixture
def azure() -> Azure:
    return Azure()


@pytest.fixture
def address(azure: Azure) -> Iterator[str]:
    """The address of the stand-ins for the app and for Azure's REST API."""

    class AzureHandler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            answer = azure.handle(
                self.command, self.path, body, self.headers.get("x-functions-key")
            )
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            if not isinstance(answer, int):
                self.wfile.write(json.dumps(answer).encode())

        do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *args: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), AzureHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def rotate(folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    az = folder / "az"
    az.write_text(AZ.format(python=sys.executable, address=address))
    az.chmod(0o755)
    options = {"app": APP, "host": address, "vault": VAULT, "gateway": GATEWAY}
    options |= {"named-value": NAMED_VALUE, "settle-s": "0"}
    return subprocess.run(
        [sys.executable, HOOK, *(f"--{name}={value}" for name, value in options.items())],
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_key_is_renewed_and_no_call_is_refused(
    azure: Azure, address: str, tmp_path: Path
) -> None:
    """The old key ends, the interim key does, and the vault holds the key that a deployment would
    write. No key is printed.
    """
    run = rotate(tmp_path, address)
    assert run.returncode == 0, run.stderr
    assert azure.refusals == []
    assert azure.keys == {"default": "key-2"}
    assert azure.secret == azure.gateway_sends == "key-2"
    assert "key-" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    "step",
    [
        "PUT functionKeys/rotation",
        "PUT secrets/functions-host-key",
        f"POST {NAMED_VALUE}/refreshSecret",
        "PUT functionKeys/default",
        "POST default/listkeys",
        "DELETE functionKeys/rotation",
    ],
)
def test_a_stopped_rotation_can_be_run_again(
    step: str, azure: Azure, address: str, tmp_path: Path
) -> None:
    """No call is refused meanwhile, whichever step is refused by a missing right or an outage."""
    azure.fails = step
    stopped = rotate(tmp_path, address)
    assert stopped.returncode == 1
    assert "Run the command again" in stopped.stderr
    assert azure.refusals == []
    azure.fails = None
    assert rotate(tmp_path, address).returncode == 0
    assert azure.refusals == []
    assert azure.keys.keys() == {"default"}
    assert azure.secret == azure.gateway_sends == azure.keys["default"]
    assert "key-0" not in azure.keys.values()


def test_renewing_the_key_alone_would_refuse_calls(azure: Azure) -> None:
    """The stand-ins see the outage that a single step makes."""
    azure.handle("PUT", f"/arm{APP}/host/default/functionKeys/default?api-version=1", {}, None)
    assert azure.refusals == ["PUT functionKeys/default"]
