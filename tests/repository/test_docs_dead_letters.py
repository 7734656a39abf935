"""docs/how-to/dead-letters.md shows a list of dead letters as the app answers it."""

from __future__ import annotations

import json
import re

from local.repository import ROOT
from shared.core.records.delivery.dead_letter import DeadLetterReason, DeadLetterRecord

PAGE = ROOT / "docs" / "how-to" / "dead-letters.md"


def test_the_sample_is_what_the_app_answers() -> None:
    """It has every member of a record, and a reason that the page explains."""
    page = PAGE.read_text("utf-8")
    samples = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    (record,) = json.loads(samples[0])["dead_letters"]
    assert DeadLetterRecord.from_json(record).to_json() == record
    assert f"| `{record['reason']}` |" in page


def test_each_reason_has_a_row() -> None:
    """Its meaning and a remedy; none is left over."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == list(DeadLetterReason)
