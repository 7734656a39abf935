"""Check digits. Each function takes digits, or characters if it says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: every second digit from the right is doubled."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)
    return total % 10 == 0


def mod_97(text: str) -> bool:
    """ISO 7064, mod 97-10, as in an IBAN: of letters and digits."""
    rotation = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in rotation)) % 97 == 1


def mod_11_10(digits: str) -> bool:
    """ISO 7064, mod 11,10."""
    product = 10
    for digit in digits[:-1]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of the digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def is_date(year: int, month: int, day: int) -> bool:
    """Whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def repeats_one_digit(digits: str) -> bool:
    """Whether all digits are the same: an example, and of many checks a valid one."""
    return re.fullmatch(r"(\d)\1*", digits) is not None
