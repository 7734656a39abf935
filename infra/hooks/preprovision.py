"""azd's hook before it provisions: finds the values that the parameters need.

* The number of units of the Event Hubs namespace: see throughput.py.
* With CALLER_AUTH=entra, the app registration that is the audience of API Management's token. It is
  made once, or found by its name, and its client id is kept in the azd environment as
  AUDIENCE_CLIENT_ID. It has no secret. By hand, without azd: docs/how-to/authenticate-callers.md.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any, Final

import azure
import throughput

GRAPH: Final = "https://graph.microsoft.com/v1.0/applications"
# The id of the scope `operate`. It has to be unique within the registration only.
SCOPE_ID: Final = "6f0b8f0e-7a52-4c1d-9d0e-3b1f1c7a2e54"
# The Azure CLI's own client id, the same in every tenant.
AZURE_CLI: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


def main() -> None:
    """Find the values, or end azd with a message that names the remedy."""
    try:
        throughput.keep_units()
    except azure.CommandFailed as failure:
        sys.exit(
            f"preprovision: {failure}. How many units the Event Hub has is not known, and the "
            "deployment might take some away. Sign in: az login"
        )
    ensure_audience()


def ensure_audience() -> None:
    """Make or find the registration, if one is needed, or end azd with a message that names the
    remedy.
    """
    if os.environ.get("CALLER_AUTH") != "entra" or os.environ.get("AUDIENCE_CLIENT_ID"):
        return
    environment = os.environ.get("AZURE_ENV_NAME")
    if not environment:
        sys.exit("preprovision: AZURE_ENV_NAME is not set; azd sets it")
    try:
        client_id = find_or_register(f"fnsse-{environment}")
        ensure_service_principal(client_id)
        azure.azd("env", "set", "AUDIENCE_CLIENT_ID", client_id)
    except azure.CommandFailed as failure:
        sys.exit(f"preprovision: {failure}; or set AUDIENCE_CLIENT_ID yourself")


def find_or_register(name: str) -> str:
    """The client id of the registration of that name, which is made if there is none."""
    client_ids = azure.az(
        *("ad", "app", "list", "--filter", f"displayName eq '{name}'"),
        *("--query", "[].appId", "--output", "tsv"),
    ).split()
    if len(client_ids) > 1:
        sys.exit(
            f"preprovision: several app registrations are called {name}; choose one: "
            "azd env set AUDIENCE_CLIENT_ID <client id>"
        )
    client_id = client_ids[0] if client_ids else register(name)
    print(f"preprovision: {'found' if client_ids else 'registered'} {name}, {client_id}")
    return client_id


def register(name: str) -> str:
    """Make a registration for this tenant alone. Returns its client id.

    If it cannot be configured, it is deleted again: the next run would find it, and not configure
    it.
    """
    client_id, object_id = azure.az(
        *("ad", "app", "create", "--display-name", name, "--sign-in-audience", "AzureADMyOrg"),
        *("--query", "[appId, id]", "--output", "tsv"),
    ).split()
    try:
        configure(client_id, f"{GRAPH}/{object_id}")
    except azure.CommandFailed:
        azure.az("ad", "app", "delete", "--id", client_id)
        raise
    return client_id


def configure(client_id: str, url: str) -> None:
    """Set the registration's URI and its scope. With the scope, operators get a token by `az
    account get-access-token`; the app still checks their roles.
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
        azure.retry(functools.partial(azure.rest, "patch", url, body))


def ensure_service_principal(client_id: str) -> None:
    """Make the application's service principal: without it Entra issues no token in the tenant."""
    try:
        azure.az("ad", "sp", "show", "--id", client_id, "--output", "none")
    except azure.CommandFailed:
        azure.retry(lambda: azure.az("ad", "sp", "create", "--id", client_id, "--output", "none"))


if __name__ == "__main__":
    main()
