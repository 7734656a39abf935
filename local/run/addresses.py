"""The addresses of all parts and how to use them, which `make run` and `make parts` print."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from local.folder import DEFAULT_FOLDER
from local.stack import Ports, Stack
from local.stack.stack import local_addresses
from shared.settings.settings import Settings


def where(stack: Stack, config: Settings, folder: Path) -> str:
    """A line for each part."""
    proxy = f"{stack.proxy_url}   ({stack.functions_host_kind} Functions host)"
    lines = [
        *([f"proxy          {proxy}"] if "functions_host" in stack.local_parts else []),
        f"Azure OpenAI   {config.upstream.base_url}",
        f"Event Hub      {config.event_hub.name} at {_event_hub(stack, config)}",
        f"storage        {'Azurite, blobs on port ' + str(stack.ports.blob) if 'azurite' in stack.local_parts else 'real'}",
        f"on disk        {folder}: every event that arrives in events/, logs of all parts in logs/",
    ]
    return (
        f"\nSee every exchange as it happens:  {stack.view_url}\n\nServing until Ctrl-C:\n  "
        + "\n  ".join(lines)
    )


def _event_hub(stack: Stack, config: Settings) -> str:
    if "event_hubs" in stack.local_parts:
        return f"127.0.0.1:{stack.ports.event_hubs} (an emulator)"
    return config.event_hub.namespace or "the real namespace of AZURE_EVENTHUB_CONN_STR"


def how_to_call(stack: Stack, deployment: str, folder: Path) -> str:
    """Three things to try: their events show up here."""
    tries = [("a stream", _call(stack, deployment))]
    if "azure_openai" in stack.local_parts:
        tries.append(("a stream that breaks", _call(stack, f"{deployment}--close_after=5")))
    if {"azurite", "event_hubs"} <= stack.local_parts:
        tries.append(
            ("storage fails, then the Event Hub: is anything lost?", f"make drill{_folder(folder)}")
        )
    return "\nTry in another terminal, and see the event here:\n" + "\n".join(
        f"  # {title}\n  {command}" for title, command in tries
    )


def _folder(folder: Path) -> str:
    return "" if folder == DEFAULT_FOLDER else f" FOLDER={shlex.quote(str(folder))}"


def _call(stack: Stack, deployment: str) -> str:
    url = f"{stack.proxy_url}/openai/v1/chat/completions"
    body = {
        "model": deployment,
        "stream": True,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    return f"curl -iN {url} -H 'content-type: application/json' -d '{json.dumps(body)}'"


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
