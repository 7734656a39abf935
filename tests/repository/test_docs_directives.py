"""docs/reference/directives.md lists every directive of the stand-in with its default."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from emulators.azure_openai.directives import Directives
from local.repository import ROOT

_PAGE: Final = (ROOT / "docs" / "reference" / "directives.md").read_text("utf-8")


def test_every_directive_has_its_row_and_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| .+ \|$", _PAGE, re.MULTILINE)
    defaults = {field.name: field.default for field in fields(Directives)}
    expected = [
        (name, "false" if default is False else "" if default is None else str(default))
        for name, default in defaults.items()
    ]
    assert rows == expected
