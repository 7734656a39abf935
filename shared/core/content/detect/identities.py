"""National identity numbers that have check digits: of Germany, Spain, France, Italy, Poland,
Sweden and Brazil.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from shared.core.content.detect import checks
from shared.core.content.detect.detector import Detector, digits_of

_SPANISH: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
# The values of the characters of a codice fiscale in odd places (Decreto 23 December 1976).
_ITALIAN_ODD: Final = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


class GermanTaxId(Detector):
    """A Steuer-Identifikationsnummer: one of its first ten digits occurs two or three times."""

    kind = "national_id"
    pattern = r"\b[1-9]\d[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}\b"

    def is_valid(self, candidate: bytes) -> bool:
        digits = digits_of(candidate)
        if len(set(digits[:10])) not in {8, 9}:  # one digit occurs 2 or 3 times
            return False
        counts = sorted(Counter(digits[:10]).values(), reverse=True)
        return counts[0] in {2, 3} and counts[1] == 1 and checks.mod_11_10(digits)


class SpanishId(Detector):
    """A DNI or NIE: its letter follows from its number."""

    kind = "national_id"
    pattern = r"(?i)\b(?:\d{8}|[XYZ][ -]?\d{7})[ -]?[A-Z]\b"

    def is_valid(self, candidate: bytes) -> bool:
        text = candidate.decode("utf-8", "replace").upper()
        first = str("XYZ".index(text[0])) if text[0] in "XYZ" else ""
        return _SPANISH[int(first + digits_of(candidate).decode("ascii")) % 23] == text[-1]


class FrenchId(Detector):
    """A NIR: sex, year, month, place, order, and 97 minus the rest of that."""

    kind = "national_id"
    pattern = (
        r"\b[12][ ]?\d{2}[ ]?(?:0[1-9]|1[0-2])[ ]?(?:\d{2}|2[AB])[ ]?\d{3}[ ]?\d{3}[ ]?\d{2}\b"
    )

    def is_valid(self, candidate: bytes) -> bool:
        text = candidate.replace(b" ", b"").replace(b"2A", b"19").replace(b"2B", b"18")
        return 97 - int(text[:13]) % 97 == int(text[13:])


class ItalianId(Detector):
    """A codice fiscale. RE2 also takes U+212A, the Kelvin sign, for a K if case does not matter."""

    kind = "national_id"
    pattern = r"(?i)\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b"

    def is_valid(self, candidate: bytes) -> bool:
        if not candidate.isascii():
            return False
        text = candidate.decode("ascii").upper()
        odd = sum(_ITALIAN_ODD[character] for character in text[:15:2])
        even = sum(
            int(character) if character.isdigit() else ord(character) - ord("A")
            for character in text[1:15:2]
        )
        return chr(ord("A") + (odd + even) % 26) == text[15]


class PolishId(Detector):
    """A PESEL: a date of birth, four digits and a check digit."""

    kind = "national_id"
    # the month has 20 added for those born since 2000
    pattern = r"\b\d{2}(?:0[1-9]|1[0-2]|2[1-9]|3[0-2])(?:0[1-9]|[12]\d|3[01])\d{5}\b"

    def is_valid(self, candidate: bytes) -> bool:
        if checks.weighted_sum(candidate, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10:
            return False
        century = {0: 1900, 1: 2000}.get(int(candidate[2:4]) // 20, 0)
        year, month = century + int(candidate[:2]), int(candidate[2:4]) % 20
        return century > 0 and checks.is_date(year, month, int(candidate[4:6]))


class SwedishId(Detector):
    """A personnummer: a date of birth, and Luhn's check digit."""

    kind = "national_id"
    pattern = r"\b(?:19|20)?\d{6}[-+]\d{4}\b"

    def is_valid(self, candidate: bytes) -> bool:
        digits = digits_of(candidate)[-10:]
        return checks.luhn(digits) and checks.is_date(2000, int(digits[2:4]), int(digits[4:6]))


class BrazilianId(Detector):
    """A CPF in its usual form."""

    kind = "national_id"
    pattern = r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"

    def is_valid(self, candidate: bytes) -> bool:
        digits = digits_of(candidate)
        first = checks.weighted_sum(digits[:9], range(10, 1, -1)) * 10 % 11 % 10
        second = checks.weighted_sum(digits[:10], range(11, 1, -1)) * 10 % 11 % 10
        checked = digits[9:] == b"%d%d" % (first, second)
        return checked and not checks.repeats_one_digit(digits)


IDENTITIES: Final[tuple[type[Detector], ...]] = (
    *(GermanTaxId, SpanishId, FrenchId, ItalianId, PolishId, SwedishId, BrazilianId),
)
