"""The management URLs of an instance, and the value of a durableClient binding.

Shapes and order: seen on the real host (its key is 56 characters of Base64; neither it nor `func
start` checks one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

WEBHOOKS: Final = "/runtime/webhooks/durabletask"
RPC: Final = "/durabletask"
_NO_KEY: Final = "the-embedded-host-checks-none"
_ID: Final = "INSTANCEID"  # the library replaces it


@dataclass(frozen=True, kw_only=True)
class Links:
    """The addresses of a host."""

    origin: str  # "http://localhost:7071"
    hub_name: str

    @property
    def query(self) -> str:
        """The query of every management URL."""
        return f"taskHub={self.hub_name}&connection=Storage&code={_NO_KEY}"

    def of(self, instance_id: str, origin: str | None = None) -> Mapping[str, str]:
        """An instance's management URLs, at another origin if given."""
        instance = f"{origin or self.origin}{WEBHOOKS}/instances/{quote(instance_id, safe='')}"
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{instance}?{self.query}",
            "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{self.query}",
            "terminatePostUri": f"{instance}/terminate?reason={{text}}&{self.query}",
            "rewindPostUri": f"{instance}/rewind?reason={{text}}&{self.query}",
            "purgeHistoryDeleteUri": f"{instance}?{self.query}",
            "restartPostUri": f"{instance}/restart?{self.query}",
            "suspendPostUri": f"{instance}/suspend?reason={{text}}&{self.query}",
            "resumePostUri": f"{instance}/resume?reason={{text}}&{self.query}",
        }

    def client_binding(self, rpc_origin: str) -> str:
        """The value of a durableClient binding; the library calls the host at rpc_origin."""
        base = f"{self.origin}{WEBHOOKS}"
        create = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
        poll = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
        return json.dumps(
            {
                "taskHubName": self.hub_name,
                "connectionName": None,
                "creationUrls": {
                    "createNewInstancePostUri": f"{create}?code={_NO_KEY}",
                    "createAndWaitOnNewInstancePostUri": f"{create}?{poll}&code={_NO_KEY}",
                },
                "managementUrls": self.of(_ID),
                "baseUrl": base,
                "requiredQueryStringParameters": f"code={_NO_KEY}",
                # the library appends to it, so the last slash matters
                "rpcBaseUrl": f"{rpc_origin}{RPC}/",
                "httpBaseUrl": None,
                "maxGrpcMessageSizeInBytes": None,
                "grpcHttpClientTimeout": None,
            }
        )
