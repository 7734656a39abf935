"""Check digits. Each function takes ASCII digits as bytes, or characters if it says so. A text
may hold a hundred thousand candidates, so loops are left to C where that is simple.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from datetime import date
from operator import mul
from typing import Final

_ZERO: Final = ord("0")
# what a digit adds to Luhn's sum if it is doubled: the digits of its double
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
_PLAIN: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_NUMBERS: Final = str.maketrans(
    {letter: str(10 + place) for place, letter in enumerate(string.ascii_uppercase)}
)


def luhn(digits: bytes) -> bool:
    """Whether the check digit holds by ISO/IEC 7812, which doubles every second digit from the
    right.
    """
    plain, doubled = digits[-1::-2].translate(_PLAIN), digits[-2::-2].translate(_DOUBLED)
    return (sum(plain) + sum(doubled)) % 10 == 0


def mod_97(text: str) -> bool:
    """Whether capital letters and digits hold by ISO 7064, mod 97-10, as in an IBAN."""
    return int((text[4:] + text[:4]).translate(_NUMBERS)) % 97 == 1


def mod_11_10(digits: bytes) -> bool:
    """Whether the check digit holds by ISO 7064, mod 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = ((digit - _ZERO + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == digits[-1] - _ZERO


def weighted_sum(digits: bytes, weights: Iterable[int]) -> int:
    """The sum of the digits, each times its weight."""
    return sum(map(mul, digits.translate(_PLAIN), weights))


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def repeats_one_digit(digits: bytes) -> bool:
    """Whether all digits are equal: such a number is an example, and passes many checks."""
    return len(set(digits)) == 1
