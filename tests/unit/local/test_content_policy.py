"""`make policy`: the problems of a content policy are reported before it is uploaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.content_policy import main

RULE = '{"rules": [{"name": "lab", "product": "lab", "mode": "redacted"}]%s}'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (RULE % "", ["  redacted  rule lab", "  CONTENT_MODE counts otherwise"]),
        (RULE % ', "default": "metadata"', ["  redacted  rule lab", "  metadata  otherwise"]),
    ],
    ids=["the setting", "a default"],
)
def test_a_policy_is_shown_rule_by_rule(
    text: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "content.json"
    file.write_text(text, "utf-8")
    assert main([str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{file} is a content policy", *lines]


def test_a_mistake_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "content.json"
    file.write_text(RULE % ', "defaults": "full"', "utf-8")
    assert main([str(file)]) == 1
    assert "is not a content policy: the policy has a member" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "none.json")]) == 1
    assert "none.json: No such file" in capsys.readouterr().out
