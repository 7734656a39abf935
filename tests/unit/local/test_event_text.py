"""An event in a line, in its first keys, and in a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from local.events.text import FIRST_KEYS, abridge, save, summary
from local.repository import ROOT

COMPLETION: dict[str, Any] = {
    "timestamp": "2026-11-23T14:24:25.885177",
    "type": "completion",
    "deployment": "gpt-4o",
    "model": "gpt-4o-2024-11-20",
    "status_code": 200,
    "outcome": "completed",
    "usage": {"prompt_tokens": 19, "completion_tokens": 20},
    "latency_ms": 8,
    "exchange_id": "01a20914-876b-7d27-b766-1ac1aee282ce",
}


def test_an_event_is_one_line_of_what_one_looks_for_first() -> None:
    assert summary(COMPLETION) == (
        "14:24:25.885  completion  gpt-4o (gpt-4o-2024-11-20)  200 completed  19+20 tokens  8 ms"
        "  01a20914-876b-7d27-b766-1ac1aee282ce"
    )


def test_a_stream_shows_its_first_token() -> None:
    """The page shows it as well. The first chunk may come earlier, and hold no token."""
    stream = COMPLETION | {
        "type": "stream_completion",
        "time_to_first_chunk_ms": 180,
        "time_to_first_token_ms": 193,
        "latency_ms": 412,
    }
    assert "  412 ms (first token 193 ms)  " in summary(stream)


def test_usage_of_the_responses_api_has_other_names() -> None:
    assert "5+7 tokens" in summary(COMPLETION | {"usage": {"input_tokens": 5, "output_tokens": 7}})


def test_usage_that_is_estimated_is_called_so() -> None:
    estimate = {"prompt_tokens": 16, "completion_tokens": 3, "total_tokens": 19}
    cut = COMPLETION | {"usage": None, "usage_source": "estimated", "usage_estimate": estimate}
    assert "200 completed  about 16+3 tokens (estimated)  8 ms" in summary(cut)


def test_an_error_without_usage_says_so() -> None:
    failed = COMPLETION | {
        "type": "error",
        "usage": None,
        "status_code": 429,
        "outcome": "upstream_error",
    }
    assert "429 upstream_error  no usage" in summary(failed)


def test_a_call_that_names_no_deployment_has_a_dash() -> None:
    call = COMPLETION | {"type": "call", "deployment": None, "model": "unknown", "usage": None}
    assert "  call  - (unknown)  200 completed" in summary(call)


def test_an_abridged_event_is_json_of_the_keys_that_matter_first() -> None:
    """Values are those of the event, but long texts end early, and usage has no details."""
    event = COMPLETION | {
        "prompt": [{"role": "user", "content": "Hi " * 100}],
        "content": "word " * 100,
        "usage": {"prompt_tokens": 19, "prompt_tokens_details": {"cached_tokens": 0}},
        "problems": [],
    }
    read = json.loads(abridge(event))
    assert read["prompt"] == [{"role": "user", "content": "Hi " * 26 + "Hi …"}]
    assert read["usage"] == {"prompt_tokens": 19}
    assert read["content"].endswith("word …")
    assert "problems" not in read
    assert len(abridge(event).splitlines()) <= 18


def test_the_abridged_event_has_the_keys_of_readme() -> None:
    """`make run` and README show the same event in the same form."""
    readme = (ROOT / "README.md").read_text("utf-8")
    [event] = re.findall(r"^```json\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert tuple(json.loads(event)) == FIRST_KEYS


def test_the_whole_event_is_in_a_file_of_its_own(tmp_path: Path) -> None:
    file = save(COMPLETION, tmp_path / "events")
    assert json.loads(file.read_text()) == COMPLETION
    assert file.name == f"{COMPLETION['exchange_id']}.json"
