"""Bank accounts and payment cards."""

from __future__ import annotations

from typing import Final

from shared.core.detect import checks
from shared.core.detect.detector import Detector, digits_of

# Characters of an IBAN by country (SWIFT's registry).
_IBAN_LENGTHS: Final = {
    "NO": 15,
    "BE": 16,
    "DK": 18,
    "FI": 18,
    "NL": 18,
    "FO": 18,
    "GL": 18,
    "MK": 19,
    "SI": 19,
    "AT": 20,
    "BA": 20,
    "EE": 20,
    "LT": 20,
    "LU": 20,
    "XK": 20,
    "KZ": 20,
    "CH": 21,
    "HR": 21,
    "LI": 21,
    "LV": 21,
    "BG": 22,
    "BH": 22,
    "DE": 22,
    "GB": 22,
    "GE": 22,
    "IE": 22,
    "ME": 22,
    "RS": 22,
    "AE": 23,
    "GI": 23,
    "IL": 23,
    "AD": 24,
    "CZ": 24,
    "ES": 24,
    "MD": 24,
    "PK": 24,
    "RO": 24,
    "SA": 24,
    "SE": 24,
    "SK": 24,
    "TN": 24,
    "VG": 24,
    "PT": 25,
    "IS": 26,
    "TR": 26,
    "FR": 27,
    "GR": 27,
    "IT": 27,
    "MC": 27,
    "SM": 27,
    "AL": 28,
    "AZ": 28,
    "CY": 28,
    "DO": 28,
    "GT": 28,
    "HU": 28,
    "LB": 28,
    "PL": 28,
    "BR": 29,
    "EG": 29,
    "PS": 29,
    "QA": 29,
    "UA": 29,
    "JO": 30,
    "KW": 30,
    "MU": 30,
    "MT": 31,
}


class Iban(Detector):
    """An IBAN, with or without spaces."""

    kind = "iban"
    pattern = r"(?i)\b[A-Z]{2}\d{2}(?:[ \-\x{a0}]?[A-Z0-9]){11,28}\b"

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        """A candidate may hold the words that follow."""
        length = _IBAN_LENGTHS.get(data[start : start + 2].decode("ascii", "replace").upper(), 0)
        characters = bytearray()
        at = start
        while at < end and len(characters) < length:
            if data[at : at + 1].isalnum():
                characters += data[at : at + 1]
            at += 1
        whole = bool(length) and len(characters) == length and not data[at : at + 1].isalnum()
        valid = whole and checks.mod_97(characters.decode("ascii").upper())
        return (start, at) if valid else None


class Card(Detector):
    """The number of a payment card: of the usual schemes, with its check digit."""

    kind = "card"
    pattern = (
        r"\b(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6\d{3}|3[05689]\d{2})"
        r"(?:[ \-\x{a0}]\d{4}){2}[ \-\x{a0}]\d{2,4}\b"
        r"|\b3[47]\d{2}[ \-\x{a0}]\d{6}[ \-\x{a0}]\d{5}\b"
        r"|\b(?:4\d{12,18}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12,14}|6\d{13,18})\b"
    )

    def is_valid(self, candidate: str) -> bool:
        digits = digits_of(candidate)
        return 13 <= len(digits) <= 19 and checks.luhn(digits)


ACCOUNTS: tuple[type[Detector], ...] = (Iban, Card)
