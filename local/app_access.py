"""The address of a running app, and the headers that authenticate its callers and operators."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx

_CALL_WITHIN_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class AppAccess:
    """The app's address, and the headers that authenticate callers and operators."""

    url: str
    caller: Mapping[str, str] = field(default_factory=dict)  # headers
    operator: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where no key is asked for."""
        return urlsplit(self.url).hostname in {"127.0.0.1", "localhost"}

    def client(self) -> AbstractContextManager[httpx.Client]:
        """A client that takes HTTP_PROXY for other machines alone."""
        return httpx.Client(base_url=self.url, timeout=_CALL_WITHIN_S, trust_env=not self.is_local)
