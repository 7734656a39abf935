"""Files embedded in texts, as Base64 in a data URL or a field. An event holds their type, size and
hash; the capture keeps the files.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

_MEDIA_TYPE: Final = r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+"
_DIGIT: Final = r"[A-Za-z0-9+/_%-]"
# RFC 2397, and what is written beside it: the scheme in capitals, spaces in a parameter or after
# the comma. The parameters are few and short, and characters may be percent-encoded.
_HEAD: Final = rf"(?i:data:)\s*({_MEDIA_TYPE})?(?:\s*;[^;,]{{1,128}}?){{0,6}}\s*;\s*(?i:base64)\s*,"
# Within a text, Base64 goes on in the next line only if its lines are as long as MIME and PEM
# make them: a word after a line end must not be taken for the file's.
_DATA_URL: Final = re.compile(
    rf"{_HEAD}(?:\s*((?:{_DIGIT}{{56,80}}\r?\n[ \t]*)+{_DIGIT}*=*)|[ \t]*({_DIGIT}{{16,}}=*)|({_DIGIT}*=*))"
)
_WHOLE_DATA_URL: Final = re.compile(rf"\s*{_HEAD}([A-Za-z0-9+/_%\s-]*+=*+\s*+)")
_PLAIN_DATA_URL: Final = re.compile(
    rf"(?i:data:)({_MEDIA_TYPE})?(?:;(?!(?i:base64))[^;,]{{1,64}}){{0,4}},(.*)", re.DOTALL
)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DIGITS_ONLY: Final = str.maketrans("-_", "+/", "= \r\n\t")
_MIN_CHARACTERS: Final = 16  # a shorter text may be a word
# Characters between two breaks: lines of Base64 have more, the words of a text fewer on average.
_MIN_LINE: Final = 24


class Base64Meter:
    """Measures size and hash of a file in Base64, which comes in one text or in several."""

    def __init__(self) -> None:
        self.size = 0  # bytes, decoded
        self._hash = hashlib.sha256()
        self._rest = ""

    def feed(self, encoded: str) -> None:
        """Add a piece. It may have its own padding; characters that are not Base64 are skipped."""
        digits = self._rest + (unquote(encoded) if "%" in encoded else encoded).translate(
            _DIGITS_ONLY
        )
        whole = len(digits) if encoded.endswith("=") else len(digits) - len(digits) % 4
        self._rest = digits[whole:]
        self._take(digits[:whole])

    def sha256(self) -> str:
        """The hash of the decoded bytes. Feed nothing after this; `size` is final then."""
        self._take(self._rest)
        self._rest = ""
        return self._hash.hexdigest()

    def _take(self, digits: str) -> None:
        try:
            decoded = binascii.a2b_base64(
                digits.encode("ascii", "replace") + b"=" * (-len(digits) % 4)
            )
        except binascii.Error:  # one digit too many, which cannot be decoded
            decoded = b""
        self.size += len(decoded)
        self._hash.update(decoded)


def describe_file(encoded: str, media_type: str) -> str:
    """`[image/png, 68 bytes, sha256 9f86…]` for a file that comes as Base64."""
    meter = Base64Meter()
    meter.feed(encoded)
    digest = meter.sha256()
    return f"[{media_type}, {meter.size} bytes, sha256 {digest}]"


def without_data_urls(text: str) -> str:
    """The text with every Base64 data URL replaced by a description. One in another coding is
    replaced if it is the whole text.
    """
    if "data:" not in text and "data:" not in text.lower():
        return text
    whole = _WHOLE_DATA_URL.fullmatch(text)
    if whole is not None:
        return describe_file(whole[2], whole[1] or "text/plain")
    plain = _PLAIN_DATA_URL.fullmatch(text)
    if plain is not None:
        data = unquote_to_bytes(plain[2])
        return f"[{plain[1] or 'text/plain'}, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}]"
    return _DATA_URL.sub(_describe_found, text)


def _describe_found(match: re.Match[str]) -> str:
    media_type, *encoded = match.groups()
    return describe_file(next(filter(None, encoded), ""), media_type or "text/plain")


def looks_encoded(text: str) -> bool:
    """Whether the whole text can be Base64, in one line or in several, and is too long to be a
    word.
    """
    lines = text.split()
    digits = "".join(lines) if len(lines) > 1 else text.strip()
    return (
        len(digits) >= max(_MIN_CHARACTERS, _MIN_LINE * (len(lines) - 1))
        and _BASE64.fullmatch(digits) is not None
    )
