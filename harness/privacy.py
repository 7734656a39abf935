"""Texts that must not appear outside the captures and the events."""

from __future__ import annotations

import json
from typing import Final

from emulators.azure_openai.texts import WORDS
from harness.chat import CALLER_KEY, PROMPT
from local.stack import Stack

# Words that only the stand-in's answers contain.
_ANSWER_WORDS: Final = tuple(word for word in WORDS if not word.isascii())


def private_texts(stack: Stack) -> dict[str, str]:
    """Name -> text: keys of the caller and of the app, the prompt, and words of the responses."""
    storage = dict(
        part.split("=", 1) for part in stack.storage_connection_string.split(";") if part
    )
    event_hub = dict(
        part.split("=", 1) for part in stack.event_hub_connection_string.split(";") if part
    )
    return {
        "the caller's key": CALLER_KEY,
        "the upstream's key": stack.settings["AZURE_OPENAI_KEY"],
        "the storage account's key": storage["AccountKey"],
        "the event hub's key": event_hub["SharedAccessKey"],
        "a prompt": PROMPT,
        **{f"an answer ({word})": word for word in _ANSWER_WORDS},
    }


def check(text: str, stack: Stack, where: str) -> None:
    """Fail if `text` holds something private, plain or JSON-escaped; the message names it."""
    leaks = [
        name
        for name, private in private_texts(stack).items()
        # an app that goes by its identity has no key for the upstream
        if private and (private in text or json.dumps(private)[1:-1] in text)
    ]
    assert not leaks, f"{where} shows {', '.join(leaks)}"


def check_output(stack: Stack) -> None:
    """Check everything that the Functions host has printed."""
    check(stack.parts["functions_host"].output(), stack, "the Functions host's output")
