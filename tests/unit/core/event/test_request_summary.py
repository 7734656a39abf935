"""The summary of a request's body that cannot be read."""

from __future__ import annotations

import gzip
import json

from shared.core.event import request_summary

_BODY = json.dumps({"model": "gpt-4o", "stream": True, "messages": []}).encode()


def test_a_compressed_body_is_read() -> None:
    summary = request_summary.parse(
        gzip.compress(_BODY), "chat.completions", content_encoding="gzip"
    )
    assert (summary.model, summary.stream, summary.problem) == ("gpt-4o", True, None)


def test_a_body_in_another_coding_has_a_problem_alone() -> None:
    summary = request_summary.parse(_BODY, "chat.completions", content_encoding="gzip")
    assert (summary.problem or "").startswith("the request cannot be read: ")
    assert summary.model is None


def test_a_cut_compressed_body_is_read_as_far_as_it_goes() -> None:
    """Its JSON may be whole although the checksum after it is missing."""
    cut = gzip.compress(_BODY)[:-8]
    summary = request_summary.parse(cut, "chat.completions", content_encoding="gzip")
    assert (summary.problem or "").startswith("the request cannot be read whole: ")
    assert summary.model == "gpt-4o"
