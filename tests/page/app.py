"""A stand-in for the app behind the page's server: a chat that streams, and operators' routes."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from shared.core.wire.json.json_shape import JsonObject
from tests.page.sample_events import exchange_id, sample_events
from view.server.delivery import completeness

ANSWER = "A proxy passes on what it gets."
STATUS = {"last_delivery_at": "2026-11-27T10:00:00Z", "backlog": 3, "event_hub": {"state": "ready"}}
_REPORTS: Final[list[JsonObject]] = [
    {
        "window": f"2026/11/27/{hour:02}",
        "captured": captured,
        "delivered": delivered,
        "dead_lettered": 0,
        "complete": captured == delivered,
    }
    for hour, captured, delivered in ((10, 1204, 1201), (9, 980, 980), (8, 411, 411))
]
COMPLETENESS: Final = completeness(
    {
        "queue": {"length": 2},
        "worker": {"recording": {"waiting": 1, "lost": 0}},
        "dead_letters": {"count": 0},
    },
    _REPORTS,
)
DEAD_LETTER = "019ab11f-2640-7000-8000-000000000000"


class FakeApp:
    """Serves in a thread. `on_event` gets the event of each chat; `operator_calls` are the calls
    that operators' routes took.
    """

    def __init__(self) -> None:
        self.on_event: Callable[[Any], None] = lambda event: None
        self.operator_calls: list[tuple[str, str]] = []
        # a chat that the test holds open after its first word
        self.goes_on = threading.Event()
        self.goes_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def event(self, identifier: str) -> dict[str, Any]:
        """The event of a chat."""
        [event] = sample_events(1, end=datetime.now(UTC))
        choices = [{"index": 0, "content": ANSWER, "finish_reason": "stop"}]
        return {
            **event,
            "exchange_id": identifier,
            "outcome": "completed",
            "content": ANSWER,
            "choices": choices,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        app = self

        class AppHandler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Nothing: tests look at what the page shows."""

            def do_GET(self) -> None:
                answers = {
                    "/ops/status": STATUS,
                    "/ops/dead-letters": {
                        "dead_letters": [{"exchange_id": DEAD_LETTER, "reason": "corrupt_capture"}]
                    },
                }
                path = self.path.partition("?")[0]
                self._json(200 if path in answers else 404, answers.get(path, {"error": {}}))

            def do_DELETE(self) -> None:
                self._operate()

            def do_POST(self) -> None:
                if self.path.startswith("/ops/"):
                    self._operate()
                else:
                    self._chat()

            def _operate(self) -> None:
                app.operator_calls.append((self.command, self.path))
                self.rfile.read(int(self.headers.get("content-length", 0)))
                self._json(202, {})

            def _chat(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                identifier = exchange_id(datetime.now(UTC), uuid.uuid4().int % 2**48)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("x-exchange-id", identifier)
                self.end_headers()
                for word in ANSWER.split(" "):
                    delta = {"choices": [{"delta": {"content": word + " "}}]}
                    self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
                    self.wfile.flush()
                    app.goes_on.wait(10)
                self.wfile.write(b"data: [DONE]\n\n")
                app.on_event(app.event(identifier))

            def _json(self, status: int, body: object) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        return AppHandler
