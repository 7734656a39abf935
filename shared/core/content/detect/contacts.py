"""E-mail addresses, phone numbers and IP addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from shared.core.content.detect.detector import Detector, digits_of

_GROUP: Final = "[0-9A-Fa-f]{1,4}"  # a group of an IPv6 address
_GOES_ON: Final = re.compile(rb"::[0-9A-Fa-f]")
_LEADING_ZERO: Final = re.compile(rb"(?:\A|\.)0\d")
# The last bytes of all texts that _VERSION matches: a check of one byte excludes most texts.
_ENDS_OF_VERSION: Final = frozenset(bytes([end]) for end in b"nedrvNEDRV.:=")
_VERSION: Final = re.compile(rb"(?i)(?:version|release|build|ver\.?|v)\s*[:=]?\s*\Z")


class Email(Detector):
    """An e-mail address."""

    kind = "email"
    pattern = r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}"

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        while data[start : start + 1] in {b"'", b".", b"-"}:
            start += 1
        return (start, end) if data[start : start + 1] != b"@" else None


class Phone(Detector):
    """A phone number: international, or in one of the usual national forms."""

    kind = "phone"
    pattern = (
        r"(?:\+|\b00)[1-9]\d{0,2}(?:[ \-./\x{a0}]{0,2}\(?\d{1,5}\)?){2,6}\b"
        r"|\(0?\d{2,5}\)[ ]?\d{2,4}(?:[ -]?\d{2,4}){1,3}\b"  # (030) 901 820, (212) 555-0123
        r"|\b\d{3}[.-]\d{3}[.-]\d{4}\b"  # 212-555-0123
        r"|\b0[1-9](?:[ .]\d{2}){4}\b"  # 06 12 34 56 78
        r"|\b0\d{2,4}[ /]\d{3,4}[ -]?\d{3,5}\b"  # 0171/1234567, 020 7946 0958
    )

    def is_valid(self, candidate: bytes) -> bool:
        return 8 <= len(digits_of(candidate)) <= 16


class IpAddress(Detector):
    """An IP address of version 4 or 6. An address of the machine itself identifies nobody."""

    kind = "ip"
    pattern = (
        r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"
        # IPv6: eight groups, or at least three and a gap; times have neither
        rf"|\b(?:{_GROUP}:){{7}}{_GROUP}\b"
        rf"|\b{_GROUP}(?::{_GROUP}){{1,5}}::{_GROUP}(?::{_GROUP}){{0,5}}\b"
        rf"|\b{_GROUP}::{_GROUP}(?::{_GROUP}){{1,5}}\b"
    )

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        candidate = data[start:end]
        part_of_more = data[start - 1 : start] in {b".", b":"} or (
            data[end : end + 1] == b"." and data[end + 1 : end + 2].isdigit()
        )
        if b":" in candidate and _GOES_ON.match(data[end : end + 3]):
            return None  # an IPv6 address goes on; after one of IPv4 this may be a port
        if part_of_more or _follows_version(data[max(start - 16, 0) : start]):
            return None
        return (start, end) if _is_address(candidate) else None


def _follows_version(before: bytes) -> bool:
    """Whether what stands before calls it a version."""
    return before.rstrip()[-1:] in _ENDS_OF_VERSION and _VERSION.search(before) is not None


def _is_address(candidate: bytes) -> bool:
    """Whether it is an address, and not one of the machine itself."""
    if b":" not in candidate:  # the pattern has looked at the numbers
        is_local = candidate.startswith(b"127.") or candidate == b"0.0.0.0"
        return not is_local and _LEADING_ZERO.search(candidate) is None
    try:
        address = ipaddress.ip_address(candidate.decode("ascii"))
    except ValueError:
        return False
    return not address.is_loopback and not address.is_unspecified


CONTACTS: Final[tuple[type[Detector], ...]] = (Email, IpAddress, Phone)
