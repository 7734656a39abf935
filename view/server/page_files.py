"""The files of the page, and what its Content-Security-Policy has to allow."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGE: Final = Path(__file__).resolve().parents[1] / "page"
_IMPORT_MAP: Final = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)
# What the install needs, in addition to the page's own files.
_NOT_SERVED: Final = re.compile(
    r"(?:^|/)(?:node_modules(?:/|$)|package(?:-lock)?\.json$|vendor\.txt$|\.)"
)

mimetypes.add_type("text/javascript", ".mjs")


class PageFiles(StaticFiles):
    """Serves a folder. Browsers ask again whether a file has changed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)
        self._folder = folder

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file of the page. Raises HTTPException."""
        if _NOT_SERVED.search(path) and path != ".":
            raise HTTPException(404, "the page has no such file")
        if path == "." and not (self._folder / "vendor").is_dir():
            return PlainTextResponse("The page is not installed: run `make install`.\n", 503)
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def import_map_source(folder: Path) -> str | None:
    """The page's import map as a source of the policy: it is the one script that stands in the
    page, and it is not code. None if there is none.
    """
    try:
        match = _IMPORT_MAP.search((folder / "index.html").read_bytes())
    except OSError:
        return None
    if match is None:
        return None
    digest = base64.b64encode(hashlib.sha256(match[1]).digest()).decode()
    return f"'sha256-{digest}'"
