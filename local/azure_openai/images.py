"""Images (generations, edits, variations) in Azure's shape. Pure."""

import base64
import hashlib
from collections.abc import Iterator

from local.azure_openai import filters, sse
from local.azure_openai.answer import SSE, StandInResponse, json_answer
from local.azure_openai.choices import Reply

_PNG = b"\x89PNG\r\n\x1a\n"
_SIZE = 1024  # bytes of an image without content_size
_OUTPUT_TOKENS = 1056  # tokens of a medium image of 1024x1024
_PARTIAL = "image_generation.partial_image"
_COMPLETED = "image_generation.completed"


def answer(served: Reply) -> StandInResponse:
    """URLs, or base64 if requested. `gpt-image-*` always sends base64 with usage, and can
    stream.
    """
    modern = "gpt-image" in served.model
    if modern and served.ask.flag("stream"):
        return StandInResponse(
            content_type=SSE, body=sse.dressed(_events(served), served.directives)
        )
    packed = modern or served.ask.text("response_format") == "b64_json"
    data = [_image(served, index, packed=packed) for index in range(served.ask.number("n", 1))]
    document = {"created": served.created, "data": data}
    return json_answer(document | {"usage": _usage(served, len(data))} if modern else document)


def _image(served: Reply, index: int, *, packed: bool) -> dict[str, object]:
    content = {"b64_json": _base64(served, index)} if packed else {"url": _url(served, index)}
    return {
        **content,
        "content_filter_results": filters.results(),
        "prompt_filter_results": filters.results(),
        "revised_prompt": served.choices[0].text,
    }


def _url(served: Reply, index: int) -> str:
    return f"https://images.example.com/{served.id('img-')}/{index}.png"


def _base64(served: Reply, index: int) -> str:
    size = max(len(_PNG), served.directives.content_size or _SIZE)
    noise = hashlib.shake_256(f"{served.ask.seed}:{index}".encode()).digest(size - len(_PNG))
    return base64.b64encode(_PNG + noise).decode()


def _usage(served: Reply, images: int) -> dict[str, object]:
    output = _OUTPUT_TOKENS * images
    return {
        "input_tokens": served.ask.prompt_tokens,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": served.ask.prompt_tokens},
        "output_tokens": output,
        "total_tokens": served.ask.prompt_tokens + output,
    }


def _events(served: Reply) -> Iterator[bytes]:
    """The requested partial images, then the image with usage. No `[DONE]`."""
    for index in range(served.ask.number("partial_images", 0)):
        partial = {"type": _PARTIAL, "partial_image_index": index, "created_at": served.created}
        yield sse.data({**partial, "b64_json": _base64(served, index)}, _PARTIAL)
    if not served.directives.no_finish:
        whole = {"type": _COMPLETED, "b64_json": _base64(served, 0), "created_at": served.created}
        yield sse.data({**whole, "usage": _usage(served, 1)}, _COMPLETED)
