"""A stand-in for a tenant of Microsoft Entra: it publishes its keys on loopback."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from harness.entra_tokens import AUDIENCE, CALLER, ISSUER_V1, ISSUER_V2, OPERATOR, TENANT, jwk


@dataclass
class Tenant:
    """Publishes metadata and keys over HTTP inside a `with` block. Both may be changed
    meanwhile.
    """

    port: int = 0  # 0: a free one
    keys: list[dict[str, str]] = field(default_factory=lambda: [jwk("first")])
    requested: list[str] = field(default_factory=list)  # the paths of all requests
    # path -> status and body, instead of the usual
    responses: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    held: threading.Event | None = None  # responses wait for it

    @property
    def authority(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """The app's settings that make it trust this tenant."""
        return {
            "CALLER_AUTH": "entra",
            "CALLER_AUTH_TENANT_ID": TENANT,
            "CALLER_AUTH_AUDIENCE": AUDIENCE,
            "CALLER_AUTH_CALLER_OBJECT_IDS": CALLER,
            "CALLER_AUTH_OPERATOR_OBJECT_IDS": OPERATOR,
            "CALLER_AUTH_AUTHORITY": self.authority,
        }

    def fetches(self) -> int:
        """How often the keys were fetched."""
        return self.requested.count(f"/{TENANT}/discovery/keys")

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _document(self, path: str) -> tuple[int, bytes]:
        documents: dict[str, object] = {
            f"/{TENANT}/.well-known/openid-configuration": self._metadata(ISSUER_V1),
            f"/{TENANT}/v2.0/.well-known/openid-configuration": self._metadata(ISSUER_V2),
            f"/{TENANT}/discovery/keys": {"keys": self.keys},
        }
        usual = (200, json.dumps(documents[path]).encode()) if path in documents else (404, b"{}")
        return self.responses.get(path, usual)

    def _metadata(self, issuer: str) -> dict[str, str]:
        return {"issuer": issuer, "jwks_uri": f"{self.authority}/{TENANT}/discovery/keys"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tenant = self

        class EntraHandler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tenant.requested.append(self.path)
                if tenant.held is not None:
                    tenant.held.wait(20)
                status, body = tenant._document(self.path)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Log nothing."""

        return EntraHandler
