"""Embeddings in Azure's shape. Pure."""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Final

from emulators.azure_openai.choices import ModelOutput
from emulators.azure_openai.http_response import StandInResponse, json_response

_DIMENSIONS: Final = 1536  # those of text-embedding-3-small, if the request names none


def respond(output: ModelOutput) -> StandInResponse:
    """One vector for each input, as floats or, if requested, as base64 of little-endian 32-bit
    floats.
    """
    request = output.request
    size = request.number("dimensions", _DIMENSIONS)
    embeddings = [_vector(f"{request.seed}:{index}", size) for index in range(request.inputs)]
    as_base64 = request.text("encoding_format") == "base64"
    return json_response(
        {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": _base64(vector) if as_base64 else vector,
                }
                for index, vector in enumerate(embeddings)
            ],
            "model": output.model,
            "usage": {
                "prompt_tokens": request.prompt_tokens,
                "total_tokens": request.prompt_tokens,
            },
        }
    )


def _vector(seed: str, size: int) -> list[float]:
    return [(byte - 128) / 128 for byte in hashlib.shake_256(seed.encode()).digest(size)]


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
