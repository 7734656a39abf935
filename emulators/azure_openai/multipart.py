"""Reads the short text fields and the file name of a multipart upload. Pure."""

import re

from emulators.azure_openai.ask import Ask
from emulators.azure_openai.texts import digest

# bytes at each end of the body: clients put fields before or after the file
_LOOKED_INTO = 64 * 2**10
_FIELD = re.compile(
    rb'name="?(\w+)(?:\[\])?"?\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n--', re.IGNORECASE
)
_FILE = re.compile(rb'filename="([^"\r\n]*)"')


def fields(body: bytes | bytearray) -> dict[str, str]:
    """The text fields by name, and the first file's name as `filename`."""
    looked_into = bytes(body[:_LOOKED_INTO]) + bytes(
        body[max(_LOOKED_INTO, len(body) - _LOOKED_INTO) :]
    )
    found = {
        name.decode(): value.decode("utf-8", "replace")
        for name, value in _FIELD.findall(looked_into)
    }
    file_name = _FILE.search(looked_into)
    return found | {"filename": file_name[1].decode("utf-8", "replace")} if file_name else found


def read(body: bytes | bytearray) -> Ask:
    """Parse an upload. The seed comes from the fields, since boundaries differ between calls."""
    found = fields(body)
    parameters: dict[str, object] = {
        name: True if value == "true" else value for name, value in found.items()
    }
    if found.get("n", "").isdecimal():
        parameters["n"] = int(found["n"])
    text = found.get("prompt", "")
    return Ask(
        seed=digest(*(f"{name}={value}" for name, value in sorted(found.items()))),
        prompt_tokens=len(text.split()),
        parameters=parameters,
    )
