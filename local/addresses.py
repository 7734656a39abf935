"""The addresses of all parts and how to use them, which `make run` and `make parts` print."""

from __future__ import annotations

import json
from pathlib import Path

from local.stack import Ports, Stack
from local.stack.stack import local_addresses
from shared.settings.settings import Settings


def where(stack: Stack, config: Settings, folder: Path) -> str:
    """A line for each part."""
    proxy = f"{stack.proxy_url}   ({stack.functions_host_kind} Functions host)"
    lines = [
        f"page           {stack.view_url}   (every exchange as it happens)",
        *([f"proxy          {proxy}"] if "functions_host" in stack.local_parts else []),
        f"Azure OpenAI   {config.upstream.base_url}",
        f"Event Hub      {config.event_hub.name} at {_event_hub(stack, config)}",
        f"storage        {'Azurite, blobs on port ' + str(stack.ports.blob) if 'azurite' in stack.local_parts else 'real'}",
        f"events         {folder / 'events'}, a file for each that arrives here",
        f"logs           {folder / 'logs'}",
    ]
    return "\nServing until Ctrl-C:\n  " + "\n  ".join(lines)


def _event_hub(stack: Stack, config: Settings) -> str:
    if "event_hubs" in stack.local_parts:
        return stack.event_hub_connection_string
    return config.event_hub.namespace or "the real namespace of AZURE_EVENTHUB_CONN_STR"


def how_to_call(stack: Stack, deployment: str) -> str:
    """Calls to try: their events show up here."""
    call = f"{stack.proxy_url}/openai/deployments/{deployment}{{}}/chat/completions?api-version=2024-10-21"
    streamed = """'{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}'"""
    tries = [("a stream", "", streamed)]
    if "azure_openai" in stack.local_parts:
        tries += [
            ("a stream that breaks", "--close_after=5", streamed),
            ("a refusal", "--status=429,retry_after=7", streamed),
        ]
    return "Try in another terminal, and see the event here:\n" + "\n".join(
        f"  # {what}\n  curl -iN '{call.format(directives)}' \\\n"
        f"    -H 'content-type: application/json' -d {body}"
        for what, directives, body in tries
    )


def how_to_start_func(ports: Ports) -> str:
    """How to start a Functions host that uses the local parts. The sample has their settings for
    the default ports.
    """
    defaults, own = local_addresses(Ports()), local_addresses(ports)
    changed = {
        name: value
        for part, values in own.items()
        for name, value in values.items()
        if value != defaults[part][name]
    }
    copy = "  cp local.settings.sample.json local.settings.json"
    if changed:
        values = json.dumps(changed, indent=2).strip("{}\n").replace("\n", "\n  ")
        copy += f"        # then change in its Values:\n  {values}"
    port = f" --port {ports.proxy}" if ports.proxy != Ports().proxy else ""
    return f"The Functions host is yours to start, in another terminal:\n{copy}\n  . .venv/bin/activate && func start{port}\n"
