"""The search for planted secrets: what it recognises, and one content mode of the proof."""

from __future__ import annotations

import base64
import gc
import json
from urllib.parse import quote

import pytest

from prove.planted.proof import COLUMNS, run_planted
from prove.planted.secrets import CREDENTIALS, TEXTS, everything, secrets_in
from shared.core.content.detect.redactor import DETECTORS


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
def test_a_secret_is_recognised_in_every_form(before: str) -> None:
    text = before + everything()
    forms = (text, json.dumps({"text": json.dumps(text)}), quote(text, safe=""))
    for form in forms:
        assert set(secrets_in(form.encode(), TEXTS)) == TEXTS.keys()
    in_base64 = base64.b64encode(f"{before}{json.dumps({'text': text})}".encode())
    assert set(secrets_in(in_base64, TEXTS)) == TEXTS.keys()


def test_nothing_is_recognised_in_what_redaction_leaves() -> None:
    assert not list(secrets_in(b"my email is [EMAIL]", TEXTS | CREDENTIALS))


def test_what_is_planted_is_of_the_kinds_that_detectors_know() -> None:
    assert TEXTS.keys() <= {detector.kind for detector in DETECTORS}


@pytest.mark.thorough
# The Event Hubs SDK leaves a socket unclosed now and then when its peer is killed.
@pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")
def test_with_metadata_nothing_that_was_planted_is_ever_written() -> None:
    """This holds through a kill of the worker and through outages of storage and Event Hub."""
    result = run_planted("embedded", progress=lambda _: None, modes=("metadata",))
    gc.collect()  # the sockets, while this test forgives them
    result.require()
    where = {row[1] for row in result.rows[1:]}
    assert result.rows[0] == COLUMNS
    assert "all that storage ever wrote" in where
