"""Renew the function key that API Management sends, without rejecting a call.

At every moment the app accepts the key that the gateway has: the gateway gets an interim key, the
host's default key is renewed meanwhile, the gateway gets the new default key, and the interim key
is removed. The vault then holds the default key again, as a deployment writes it. How to call it:
docs/how-to/rotate-keys.md.
"""

from __future__ import annotations

import argparse
import sys
import time
import urllib.error
import urllib.request
from typing import Final

import azure

INTERIM: Final = "rotation-"
SECRET: Final = "functions-host-key"  # noqa: S105 - its name: infra/modules/names.bicep
ARM: Final = "https://management.azure.com"


def main() -> None:
    """Rotate the key, or end with the steps that remain."""
    options = _options()
    try:
        rotate(options)
    except azure.CommandFailed as failure:
        sys.exit(
            f"rotate: {failure}. Nothing is refused: the gateway has a key that the app takes. "
            "Run the command again."
        )


def rotate(options: argparse.Namespace) -> None:
    """Carry out the four steps. Each run makes an interim key of its own, because the gateway may
    still have the interim key of a run that stopped.
    """
    interim = set_key(options.app, f"{INTERIM}{time.time_ns()}")
    hand_over(options, interim)
    print("rotate: the gateway has the interim key; renewing the default key")
    hand_over(options, set_key(options.app, "default"))
    remove_interim_keys(options.app)
    print("rotate: done; the old key and the interim one are no longer taken")


def set_key(app: str, name: str) -> str:
    """Let the host renew a function key. Returns the new value; the old one ends."""
    response = azure.rest(
        "put", f"{_keys(app)}/{name}?api-version=2024-04-01", {"properties": {"name": name}}
    )
    return str(response["properties"]["value"])


def remove_interim_keys(app: str) -> None:
    """Remove the interim keys of this run, and of runs that stopped."""
    keys = azure.rest("post", f"{ARM}{app}/host/default/listkeys?api-version=2024-04-01")
    for name in keys["functionKeys"]:
        if name.startswith(INTERIM):
            azure.rest("delete", f"{_keys(app)}/{name}?api-version=2024-04-01")


def hand_over(options: argparse.Namespace, key: str) -> None:
    """Give the gateway a key that the app accepts, and wait until all its units send it."""
    wait_until_accepted(options.host, key)
    azure.rest(
        "put",
        f"{ARM}{options.vault}/secrets/{SECRET}?api-version=2023-07-01",
        {"properties": {"value": key, "contentType": "function key"}},
    )
    azure.rest(
        "post",
        f"{ARM}{options.gateway}/namedValues/{options.named_value}/refreshSecret"
        "?api-version=2024-05-01",
    )
    time.sleep(options.settle_s)


def wait_until_accepted(host: str, key: str, attempts: int = 20) -> None:
    """Call the app with this key until it accepts it. Raises CommandFailed if it does not. The app
    relays nothing, because the path is not one of Azure OpenAI.
    """
    for _ in range(attempts):
        if _status(f"{host}/rotate", key) not in (401, 403, 503):
            return
        time.sleep(3)
    raise azure.CommandFailed("the app does not take the new key")


def _status(url: str, key: str) -> int:
    request = urllib.request.Request(url, headers={"x-functions-key": key})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 503


def _keys(app: str) -> str:
    return f"{ARM}{app}/host/default/functionKeys"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--app", required=True, help="resource id of the function app")
    parser.add_argument("--host", required=True, help="https://<app>.azurewebsites.net")
    parser.add_argument("--vault", required=True, help="resource id of the Key Vault")
    parser.add_argument("--gateway", required=True, help="resource id of API Management")
    parser.add_argument(
        "--named-value", required=True, help="its named value, which ends in -function-key"
    )
    parser.add_argument(
        "--settle-s", type=float, default=90, help="how long all units take to send a new key"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
