"""Images (generations, edits, variations) in Azure's shape. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Final

from emulators.azure_openai import errors, filters, sse
from emulators.azure_openai.choices import ModelOutput
from emulators.azure_openai.http_response import SSE, StandInResponse, json_response

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SIZE: Final = 1024  # bytes of an image without content_size
_OUTPUT_TOKENS: Final = 1056  # tokens of a medium image of 1024x1024
_PARTIAL: Final = "image_generation.partial_image"
_COMPLETED: Final = "image_generation.completed"


def respond(model_output: ModelOutput) -> StandInResponse:
    """URLs, or base64 if requested. `gpt-image-*` always sends base64 with usage, and can
    stream.
    """
    modern = "gpt-image" in model_output.model
    if modern and model_output.request.flag("stream"):
        if model_output.request.number("n", 1) > 1:
            return errors.invalid_request("Streaming is only supported with n=1.")
        return StandInResponse(
            content_type=SSE,
            body=sse.apply_directives(_events(model_output), model_output.directives),
        )
    packed = modern or model_output.request.text("response_format") == "b64_json"
    data = [
        _image(model_output, index, packed=packed)
        for index in range(model_output.request.number("n", 1))
    ]
    document = {"created": model_output.created, "data": data}
    return json_response(
        document | {"usage": _usage(model_output, len(data))} if modern else document
    )


def _image(model_output: ModelOutput, index: int, *, packed: bool) -> dict[str, object]:
    content = (
        {"b64_json": _base64(model_output, index)} if packed else {"url": _url(model_output, index)}
    )
    return {
        **content,
        "content_filter_results": filters.results(),
        "prompt_filter_results": filters.results(),
        "revised_prompt": model_output.choices[0].text,
    }


def _url(model_output: ModelOutput, index: int) -> str:
    return f"https://images.example.com/{model_output.id('img-')}/{index}.png"


def _base64(model_output: ModelOutput, index: int) -> str:
    size = max(len(_PNG), model_output.directives.content_size or _SIZE)
    noise = hashlib.shake_256(f"{model_output.request.seed}:{index}".encode()).digest(
        size - len(_PNG)
    )
    return base64.b64encode(_PNG + noise).decode()


def _usage(model_output: ModelOutput, images: int) -> dict[str, object]:
    output = _OUTPUT_TOKENS * images
    return {
        "input_tokens": model_output.request.prompt_tokens,
        "input_tokens_details": {
            "image_tokens": 0,
            "text_tokens": model_output.request.prompt_tokens,
        },
        "output_tokens": output,
        "total_tokens": model_output.request.prompt_tokens + output,
    }


def _events(model_output: ModelOutput) -> Iterator[bytes]:
    """The requested partial images, then the image with usage. No `[DONE]`."""
    for index in range(model_output.request.number("partial_images", 0)):
        partial = {
            "type": _PARTIAL,
            "partial_image_index": index,
            "created_at": model_output.created,
        }
        yield sse.data({**partial, "b64_json": _base64(model_output, index)}, _PARTIAL)
    if not model_output.directives.no_finish:
        whole = {
            "type": _COMPLETED,
            "b64_json": _base64(model_output, 0),
            "created_at": model_output.created,
        }
        yield sse.data({**whole, "usage": _usage(model_output, 1)}, _COMPLETED)
