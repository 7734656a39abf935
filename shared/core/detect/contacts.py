"""E-mail addresses, phone numbers and IP addresses."""

from __future__ import annotations

import ipaddress
import re

from shared.core.detect.detector import Detector, digits_of

_VERSION = re.compile(rb"(?i)(?:version|release|build|ver\.?|v)\s*[:=]?\s*\Z")


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

    def is_valid(self, candidate: str) -> bool:
        return 8 <= len(digits_of(candidate)) <= 16


class IpAddress(Detector):
    """An IP address of version 4 or 6. One of the machine itself says nothing of anybody."""

    kind = "ip"
    pattern = (
        r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"
        r"|\b[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){2,7}\b"
    )

    def spans(self, data: bytes, start: int, end: int) -> tuple[int, int] | None:
        part_of_more = data[max(start - 1, 0) : start] in {b".", b":"} or (
            re.match(rb"\.\d", data[end : end + 2]) is not None
        )
        if part_of_more or _VERSION.search(data[max(start - 16, 0) : start]):
            return None
        try:
            address = ipaddress.ip_address(data[start:end].decode("ascii"))
        except ValueError:
            return None
        return None if address.is_loopback or address.is_unspecified else (start, end)


CONTACTS: tuple[type[Detector], ...] = (Email, IpAddress, Phone)
