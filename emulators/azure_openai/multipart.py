"""Reads the short text fields and the file name of a multipart upload. Pure."""

from __future__ import annotations

import re
from typing import Final

from emulators.azure_openai.request_parser import ParsedRequest
from emulators.azure_openai.texts import digest

# bytes at each end of the body: clients put fields before or after the file
_SEARCHED_BYTES: Final = 64 * 2**10
_FIELD: Final = re.compile(
    rb'name="?(\w+)(?:\[\])?"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n--', re.IGNORECASE
)
_FILE: Final = re.compile(rb'filename="([^"\r\n]*)"')


def fields(body: bytes | bytearray) -> dict[str, str]:
    """The text fields by name, and the first file's name as `filename`."""
    searched = bytes(body[:_SEARCHED_BYTES]) + bytes(
        body[max(_SEARCHED_BYTES, len(body) - _SEARCHED_BYTES) :]
    )
    members = {
        name.decode(): value.decode("utf-8", "replace") for name, value in _FIELD.findall(searched)
    }
    file_name = _FILE.search(searched)
    return members | {"filename": file_name[1].decode("utf-8", "replace")} if file_name else members


def read(body: bytes | bytearray) -> ParsedRequest:
    """Parse an upload. The seed comes from the fields, since boundaries differ between calls."""
    members = fields(body)
    parameters: dict[str, object] = {
        name: True if value == "true" else value for name, value in members.items()
    }
    if members.get("n", "").isdecimal():
        parameters["n"] = int(members["n"])
    text = members.get("prompt", "")
    return ParsedRequest(
        seed=digest(*(f"{name}={value}" for name, value in sorted(members.items()))),
        prompt_tokens=len(text.split()),
        parameters=parameters,
    )
