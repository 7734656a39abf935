"""Bank accounts and payment cards."""

from __future__ import annotations

from typing import Final

from shared.core.content.detect import checks
from shared.core.content.detect.detector import Detector, digits_of

_SEPARATORS: Final = " -\xa0".encode()  # between the characters of an IBAN

# Characters of an IBAN by country (SWIFT's registry).
_IBAN_LENGTHS: Final = {
    b"NO": 15,
    b"BE": 16,
    b"DK": 18,
    b"FI": 18,
    b"NL": 18,
    b"FO": 18,
    b"GL": 18,
    b"MK": 19,
    b"SI": 19,
    b"AT": 20,
    b"BA": 20,
    b"EE": 20,
    b"LT": 20,
    b"LU": 20,
    b"XK": 20,
    b"KZ": 20,
    b"CH": 21,
    b"HR": 21,
    b"LI": 21,
    b"LV": 21,
    b"BG": 22,
    b"BH": 22,
    b"DE": 22,
    b"GB": 22,
    b"GE": 22,
    b"IE": 22,
    b"ME": 22,
    b"RS": 22,
    b"AE": 23,
    b"GI": 23,
    b"IL": 23,
    b"AD": 24,
    b"CZ": 24,
    b"ES": 24,
    b"MD": 24,
    b"PK": 24,
    b"RO": 24,
    b"SA": 24,
    b"SE": 24,
    b"SK": 24,
    b"TN": 24,
    b"VG": 24,
    b"PT": 25,
    b"IS": 26,
    b"TR": 26,
    b"FR": 27,
    b"GR": 27,
    b"IT": 27,
    b"MC": 27,
    b"SM": 27,
    b"AL": 28,
    b"AZ": 28,
    b"CY": 28,
    b"DO": 28,
    b"GT": 28,
    b"HU": 28,
    b"LB": 28,
    b"PL": 28,
    b"BR": 29,
    b"EG": 29,
    b"PS": 29,
    b"QA": 29,
    b"UA": 29,
    b"JO": 30,
    b"KW": 30,
    b"MU": 30,
    b"MT": 31,
}


class Iban(Detector):
    """An IBAN, with or without spaces."""

    kind = "iban"
    pattern = r"(?i)\b[A-Z]{2}\d{2}(?:[ \-\x{a0}]?[A-Z0-9]){11,28}\b"

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        """A candidate may hold the words that follow."""
        length = _IBAN_LENGTHS.get(data[start : start + 2].upper(), 0)
        characters = data[start:end].translate(None, _SEPARATORS)
        if len(characters) < length or not length:
            return None
        at = end if len(characters) == length else _end_of(data, start, length)
        if data[at : at + 1].isalnum():
            return None
        number = characters[:length].decode("ascii").upper()
        return (start, at) if checks.mod_97(number) else None


def _end_of(data: bytes, start: int, length: int) -> int:
    """The end of so many characters, between which separators may stand."""
    at = start
    while length:
        length -= data[at : at + 1].isalnum()
        at += 1
    return at


class Card(Detector):
    """The number of a payment card: of the usual schemes, with its check digit."""

    kind = "card"
    pattern = (
        r"\b(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6\d{3}|3[05689]\d{2})"
        r"(?:[ \-\x{a0}]\d{4}){2}[ \-\x{a0}]\d{2,4}\b"
        r"|\b3[47]\d{2}[ \-\x{a0}]\d{6}[ \-\x{a0}]\d{5}\b"
        r"|\b(?:4\d{12,18}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12,14}|6\d{13,18})\b"
    )

    def is_valid(self, candidate: bytes) -> bool:
        digits = digits_of(candidate)
        return 13 <= len(digits) <= 19 and checks.luhn(digits)


ACCOUNTS: Final[tuple[type[Detector], ...]] = (Iban, Card)
