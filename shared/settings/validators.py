"""Predicates for the values of settings, one for each form. They raise ValueError for a value of
another form.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from shared.core.cost import deployments
from shared.core.wire.http.service_address import has_safe_scheme

# Azure OpenAI serves nothing but /openai there.
_WITHOUT_PATH: Final = (".openai.azure.com", ".cognitiveservices.azure.com")
# Members of an event's `caller` that may become attributes of metrics. Not the request id: each
# call has its own.
CALLER_MEMBERS: Final = ("subscription", "product", "user", "api", "team")


def connection_string_parts(text: str) -> dict[str, str]:
    """`A=1;B=x=y` -> {"a": "1", "b": "x=y"}; parts that are not NAME=VALUE are skipped."""
    pairs = (part.split("=", 1) for part in text.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def comma_separated(text: str | None) -> frozenset[str]:
    """`a, b` -> {"a", "b"}; an empty set for None or an empty text."""
    return frozenset(item.strip() for item in (text or "").split(",") if item.strip())


def is_base_url(text: str) -> bool:
    parts = urlsplit(text)
    clean = not parts.username and not any(mark in text for mark in "?# ")
    return has_safe_scheme(parts) and bool(parts.hostname) and parts.port != 0 and clean


def without_openai(base_url: str) -> str:
    """The address without `/openai` or `/openai/v1` at its end, which callers' paths begin with."""
    return re.sub(r"(?i:/+openai(/+v1)?)?/*\Z", "", base_url)


def is_upstream_url(text: str) -> bool:
    parts = urlsplit(without_openai(text).lower())
    segments = parts.path.split("/")
    takes_no_path = (parts.hostname or "").endswith(_WITHOUT_PATH)
    return is_base_url(text) and "openai" not in segments and not (takes_no_path and any(segments))


def is_origin(text: str) -> bool:
    return is_base_url(text) and urlsplit(text).path in {"", "/"}


def models(text: str) -> dict[str, str]:
    """`en=en_core_web_lg, de=blank` -> by language."""
    pairs = (item.partition("=") for item in text.split(","))
    return {language.strip(): model.strip() for language, _, model in pairs}


def are_models(text: str) -> bool:
    return all(
        re.fullmatch(r"[a-z]{2,3}", language) and re.fullmatch(r"\w+", model, re.ASCII)
        for language, model in models(text).items()
    )


def is_blob_name(text: str) -> bool:
    """Whether it is a container's name (3 to 63 lower-case letters, digits and -), a slash and a
    blob's.
    """
    return re.fullmatch(r"(?=[^/]{3,63}/)[a-z0-9]+(?:-[a-z0-9]+)*/[\w./-]{1,256}", text) is not None


def are_deployments(text: str) -> bool:
    deployments.parse(text)  # raises ValueError
    return True


def is_schedule(text: str) -> bool:
    return re.fullmatch(r"[\d*/,A-Za-z-]+( +[\d*/,A-Za-z-]+){5}", text) is not None


def is_api_version(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}(-preview)?|preview|latest|v1", text) is not None


def is_host_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", text) is not None


def is_event_hub_connection_string(text: str) -> bool:
    parts = connection_string_parts(text)
    signed = {
        "sharedaccesskeyname",
        "sharedaccesskey",
    } <= parts.keys() or "sharedaccesssignature" in parts
    return parts.get("endpoint", "").startswith("sb://") and signed


def is_storage_connection_string(text: str) -> bool:
    parts = connection_string_parts(text)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return True
    named = "accountname" in parts or {"blobendpoint", "queueendpoint"} <= parts.keys()
    return named and ("accountkey" in parts or "sharedaccesssignature" in parts)


_CREDENTIALS: Final = re.compile(
    ".*(authorization|cookie|token|secret|password|credential|principal|key).*"
)


def are_copyable_headers(text: str) -> bool:
    names = [name.strip().lower() for name in text.split(",")]
    return all(
        re.fullmatch(r"[a-z0-9!#$%&'*+.^_`|~-]+", name) and not _CREDENTIALS.fullmatch(name)
        for name in names
    )


def is_guid(text: str) -> bool:
    return (
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text, re.IGNORECASE) is not None
    )


def are_guids(text: str) -> bool:
    return all(is_guid(item.strip()) for item in text.split(","))


def are_audiences(text: str) -> bool:
    return all(re.fullmatch(r"[\w.:/~-]+", item.strip(), re.ASCII) for item in text.split(","))


def is_collector_address(text: str) -> bool:
    """Whether it is an address without credentials. A collector in the same network may be reached
    without TLS.
    """
    parts = urlsplit(text)
    clean = not parts.username and not any(mark in text for mark in "?# ")
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and clean


def are_otlp_headers(text: str) -> bool:
    return all(re.fullmatch(r"[^=\s]+=[^,]*", pair.strip()) for pair in text.split(","))


def are_caller_members(text: str) -> bool:
    return comma_separated(text.lower()) <= set(CALLER_MEMBERS)
