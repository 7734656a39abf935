"""azd's hook before it provisions: what the parameters need to know.

* How many units the Event Hubs namespace has: see throughput.py.
* With CALLER_AUTH=entra, the app registration that is the audience of API Management's token. It is
  made once, or found by its name, and its client id is kept in the azd environment as
  AUDIENCE_CLIENT_ID. It has no secret. By hand, without azd: docs/how-to/authenticate-callers.md.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

import azure
import throughput

GRAPH = "https://graph.microsoft.com/v1.0/applications"
# Of the scope `operate`; unique within the registration is enough.
SCOPE_ID = "6f0b8f0e-7a52-4c1d-9d0e-3b1f1c7a2e54"
# The Azure CLI's own client id, the same in every tenant.
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def main() -> None:
    """Find out, or end azd with the remedy."""
    try:
        throughput.keep_units()
    except azure.Refused as refusal:
        sys.exit(
            f"preprovision: {refusal}. How many units the Event Hub has is not known, and the "
            "deployment might take some away. Sign in: az login"
        )
    ensure_audience()


def ensure_audience() -> None:
    """Make or find the registration, if one is needed, or end azd with the remedy."""
    if os.environ.get("CALLER_AUTH") != "entra" or os.environ.get("AUDIENCE_CLIENT_ID"):
        return
    environment = os.environ.get("AZURE_ENV_NAME")
    if not environment:
        sys.exit("preprovision: AZURE_ENV_NAME is not set; azd sets it")
    try:
        client_id = found_or_registered(f"fnsse-{environment}")
        ensure_service_principal(client_id)
        azure.azd("env", "set", "AUDIENCE_CLIENT_ID", client_id)
    except azure.Refused as refusal:
        sys.exit(f"preprovision: {refusal}; or set AUDIENCE_CLIENT_ID yourself")


def found_or_registered(name: str) -> str:
    """The client id of the registration of that name."""
    listed = azure.az(
        *("ad", "app", "list", "--filter", f"displayName eq '{name}'"),
        *("--query", "[].appId", "--output", "tsv"),
    ).split()
    if len(listed) > 1:
        sys.exit(
            f"preprovision: several app registrations are called {name}; choose one: "
            "azd env set AUDIENCE_CLIENT_ID <client id>"
        )
    client_id = listed[0] if listed else register(name)
    print(f"preprovision: {'found' if listed else 'registered'} {name}, {client_id}")
    return client_id


def register(name: str) -> str:
    """A new registration, of this tenant alone. None is left if it cannot be completed: the next
    run would find it, and take it for whole.
    """
    client_id, object_id = azure.az(
        *("ad", "app", "create", "--display-name", name, "--sign-in-audience", "AzureADMyOrg"),
        *("--query", "[appId, id]", "--output", "tsv"),
    ).split()
    try:
        complete(client_id, f"{GRAPH}/{object_id}")
    except azure.Refused:
        azure.az("ad", "app", "delete", "--id", client_id)
        raise
    return client_id


def complete(client_id: str, url: str) -> None:
    """Its URI and its scope. The scope lets operators get a token with `az account
    get-access-token`; the app still asks who they are.
    """
    scope = {
        "id": SCOPE_ID,
        "value": "operate",
        "type": "Admin",
        "isEnabled": True,
        "adminConsentDisplayName": "Operate fnsse",
        "adminConsentDescription": "Call the routes for operators",
    }
    api = {"requestedAccessTokenVersion": 2, "oauth2PermissionScopes": [scope]}
    allowed = {"appId": AZURE_CLI, "delegatedPermissionIds": [SCOPE_ID]}
    bodies: list[dict[str, Any]] = [
        {"identifierUris": [f"api://{client_id}"], "api": api},
        {"api": {"preAuthorizedApplications": [allowed]}},
    ]
    for body in bodies:
        azure.again(functools.partial(azure.rest, "patch", url, body))


def ensure_service_principal(client_id: str) -> None:
    """Entra gives no token for an application that has no service principal in the tenant."""
    try:
        azure.az("ad", "sp", "show", "--id", client_id, "--output", "none")
    except azure.Refused:
        azure.again(lambda: azure.az("ad", "sp", "create", "--id", client_id, "--output", "none"))


if __name__ == "__main__":
    main()
