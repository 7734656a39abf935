"""Secrets: private keys, connection strings, signatures, tokens and keys of the usual services."""

from __future__ import annotations

import re
from typing import Final

from shared.core.content.detect.detector import Detector

_DIGIT: Final = re.compile(rb"[0-9]")
_LETTER: Final = re.compile(rb"[A-Za-z]")


class PrivateKey(Detector):
    """A private key in PEM, also one that is cut off, and with its line ends escaped."""

    kind = "private_key"
    pattern = (
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\\\r\n]*)"
    )


class ConnectionString(Detector):
    """The key or the password of a connection string of Azure or of a database."""

    kind = "connection_string"
    pattern = (
        r"(?i)\b(?:AccountKey|SharedAccessKey|SharedSecretKey)\s*=\s*[A-Za-z0-9+/]{20,}={0,2}"
        r"|\b(?:Password|Pwd)\s*=\s*[^;\s\"']{4,128};"
        r"|\b[a-z][a-z0-9+]{2,20}://[^\s:/@\"']{1,64}:[^\s/@\"']{3,128}@"  # scheme://user:password@
    )


class SharedAccessSignature(Detector):
    """The signature of a SAS of Azure."""

    kind = "sas"
    pattern = r"(?i)\bsig=[A-Za-z0-9%+/_-]{40,128}={0,2}"


class JsonWebToken(Detector):
    """A JWT, signed or encrypted."""

    kind = "jwt"
    pattern = r"\beyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*){2,4}"


class ApiKey(Detector):
    """A key or a token in the form of a usual service."""

    kind = "api_key"
    pattern = (
        r"\bsk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
        r"|\b[A-Za-z0-9]{32,}JQQJ99[A-Za-z0-9]{20,}"  # Azure's AI services
        r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}"
        r"|\bglpat-[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}"
        r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
        r"|\bAIza[\w-]{35}"
        r"|\bxox[abeprs]-[A-Za-z0-9-]{10,}"
        r"|\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"
        r"|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    )


class NamedSecret(Detector):
    """A value of many characters after a name such as `password`."""

    kind = "api_key"
    pattern = (
        r"(?i)\b(?:(?:api|access|account|subscription|functions|client)[-_ ]?(?:key|token|secret)"
        r"|password|passwd|secret)[\"'\\]{0,3}\s{0,3}[:=]\s{0,3}[\"'\\]{0,3}([A-Za-z0-9+/_.~=-]{16,})"
        r"|\bbearer\s+([A-Za-z0-9._~+/-]{20,}=*)"
    )

    def is_valid(self, candidate: bytes) -> bool:
        """Whether it holds letters and digits: one without digits is a name or a placeholder."""
        return _DIGIT.search(candidate) is not None and _LETTER.search(candidate) is not None


SECRETS: Final[tuple[type[Detector], ...]] = (
    *(PrivateKey, ConnectionString, SharedAccessSignature, JsonWebToken, ApiKey, NamedSecret),
)
