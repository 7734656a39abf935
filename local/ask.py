"""`make ask PROMPT="…"`: ask through the proxy of a `make run`, print the answer as it comes, and
then the line of its event.

Exit code 0; 1 if nothing serves, or the answer is an error; its event is printed anyway.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Final, TextIO
from urllib.parse import quote

import httpx

from local.events.colour import has_colours, paint, plain
from local.events.feed import LocalEventFeed
from local.events.text import summary
from local.running import RunInfo, add_folder_option, find
from local.stack import StackError
from shared.core.wire.http.headers import EXCHANGE_ID_HEADER, is_event_stream_type
from shared.core.wire.json.json_shape import JsonObject, mapping, mappings, parse_object, text
from shared.core.wire.stream.sse import SseDecoder

# func polls its queue every other second, and needs seconds for its first invocation.
_EVENT_WITHIN_S: Final = 60.0
_ANSWER_WITHIN_S: Final = 300.0
_API_VERSION: Final = "2024-10-21"
_STAND_IN_ANSWERED: Final = (
    "(The stand-in for Azure OpenAI answered: its sentences have nothing to do with the question. "
    "To ask a model: docs/how-to/use-your-own-azure.md)"
)


def ask(running: RunInfo, prompt: str, deployment: str, out: TextIO) -> bool:
    """Print the answer and the line of its event; False if the answer is an error. Raises
    StackError.
    """
    with LocalEventFeed(running.event_hub_settings, from_start=False) as feed:
        exchange_id, is_whole = _print_answer(running, prompt, deployment, out)
        if "azure_openai" in running.local_parts:
            print(_STAND_IN_ANSWERED, file=out, flush=True)
        event = feed.event_of(exchange_id, within_s=_EVENT_WITHIN_S)
    if event is None:
        print(f"no event of {exchange_id} came within {_EVENT_WITHIN_S:.0f} s", file=out)
        return False
    print(summary(event, paint if has_colours(out) else plain), file=out)
    print(f"{running.page}/?open={exchange_id}", file=out)
    return is_whole


def _print_answer(running: RunInfo, prompt: str, deployment: str, out: TextIO) -> tuple[str, bool]:
    url = (
        f"{running.proxy}/openai/deployments/{quote(deployment, safe='')}/chat/completions"
        f"?api-version={_API_VERSION}"
    )
    body = {"stream": True, "messages": [{"role": "user", "content": prompt}]}
    is_whole = True
    try:
        # HTTP_PROXY does not apply to this machine's own ports
        with (
            httpx.Client(timeout=_ANSWER_WITHIN_S, trust_env=False) as client,
            client.stream("POST", url, json=body) as response,
        ):
            exchange_id = response.headers.get(EXCHANGE_ID_HEADER, "")
            is_whole = response.is_success
            is_whole = _print_body(response, out) and is_whole
    except httpx.ConnectError as error:
        raise StackError(f"the proxy at {running.proxy} cannot be reached: {error}") from None
    except httpx.HTTPError as error:
        print(f"\nthe answer broke off: {type(error).__name__}", file=out)
        is_whole = False
    print(file=out, flush=True)
    return exchange_id, is_whole


def _print_body(response: httpx.Response, out: TextIO) -> bool:
    """Print the text of a response as it comes; False if it reports an error."""
    if not is_event_stream_type(response.headers.get("content-type", "")):
        body = parse_object(response.read())
        print(_error(body) or f"answered {response.status_code}", file=out, end="", flush=True)
        return False
    decoder, is_whole = SseDecoder(), True
    for piece in response.iter_bytes():
        for event in decoder.feed(piece):
            chunk = parse_object(event.data)
            error = _error(chunk)
            is_whole = is_whole and not error
            words = f"\n{error}" if error else "".join(_deltas(chunk))
            print(words, file=out, end="", flush=True)
    return is_whole


def _deltas(chunk: JsonObject) -> Iterator[str]:
    for choice in mappings(chunk.get("choices")):
        yield text(mapping(choice.get("delta")).get("content"))


def _error(body: JsonObject) -> str:
    error = mapping(body.get("error"))
    return f"{error.get('code') or 'error'}: {text(error.get('message'))}" if error else ""


def main(arguments: list[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local.ask",
        description="Asks through the proxy of a running `make run`, and shows the event that it makes.",
    )
    parser.add_argument("prompt")
    parser.add_argument("--deployment", default="gpt-4o", help="default: %(default)s")
    add_folder_option(parser)
    options = parser.parse_args(arguments)
    try:
        running = find(options.folder)
        return 0 if ask(running, options.prompt, options.deployment, sys.stdout) else 1
    except StackError as error:
        print(f"fnsse: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
