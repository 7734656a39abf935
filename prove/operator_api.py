"""The actions of an operator: calls the host, starts orchestrations, waits for their ends."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from harness.waiting import poll_until
from prove.result import NotProven
from shared.core.records.completeness.report import COUNTS

type RunReport = dict[str, Any]


class OperatorApi:
    """Calls the functions below /ops of one host."""

    def __init__(self, proxy_url: Callable[[], str], wait_idle: Callable[[], None]) -> None:
        """`wait_idle` returns when the queue of envelopes is empty."""
        self._proxy_url = proxy_url
        self._wait_idle = wait_idle

    def call(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        """Call the host; return status and JSON, or (0, None) without a response.

        `target` is a path or a whole URL.
        """
        url = target if target.startswith("http") else f"{self._proxy_url()}{target}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - http to this machine
            url, data, {"content-type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - http to this machine
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else None
        except (OSError, ValueError):
            return 0, None

    def wait_for_host(self) -> None:
        """Returns when the host answers."""
        poll_until(
            lambda: self.call("GET", "/health")[0] == 200, "a response of the host", within_s=120
        )

    def start(self, target: str, body: Any = None) -> str:
        """Start an orchestration; return the URL of its status."""
        links = poll_until(
            lambda: self._accepted_links(target, body), f"POST {target} to be accepted", within_s=90
        )
        return str(links["statusQueryGetUri"])

    def wait_for_output(self, status_url: str, within_s: float = 120) -> Any:
        """Wait until an orchestration has completed; return its output."""

        def probe() -> Any:
            _, status = self.call("GET", status_url)
            if status and status["runtimeStatus"] in {"Failed", "Terminated", "Canceled"}:
                raise NotProven(
                    f"the orchestration ended as {status['runtimeStatus']}: {status['output']}"
                )
            return status if status and status["runtimeStatus"] == "Completed" else None

        return poll_until(probe, "the orchestration's end", within_s=within_s)["output"]

    def reconcile(self, within_s: float = 240) -> RunReport:
        """Run reconcile until every exchange is delivered or dead-lettered.

        Returns the sums over the windows of the last run, and `redelivered`, `aborted` and `runs`
        over all runs.
        """
        deadline = time.monotonic() + within_s
        queued = {"redelivered": 0, "aborted": 0, "runs": 0}
        while True:
            self._wait_idle()
            output = self.wait_for_output(
                self.start("/ops/reconcile"), max(120.0, deadline - time.monotonic())
            )
            queued["runs"] += 1
            if output["waiting"] is None:
                sums = _sums(output["windows"])
                for name in ("redelivered", "aborted"):
                    queued[name] += sums[name]
                if _is_complete(sums):
                    return sums | queued
            if time.monotonic() > deadline:
                raise NotProven(f"reconcile did not complete within {within_s:g} s: {output}")

    def _accepted_links(self, target: str, body: Any) -> dict[str, str] | None:
        status, links = self.call("POST", target, body)
        if status in {400, 404}:
            raise NotProven(f"POST {target} was answered {status}: {links}")
        return links if status == 202 else None


def _is_complete(sums: RunReport) -> bool:
    delivered = sums["captured"] == sums["delivered"] + sums["dead_lettered"]
    return bool(delivered and not sums["running"])


def _sums(windows: list[RunReport]) -> RunReport:
    return {name: sum(window[name] for window in windows) for name in COUNTS}
