"""`make export` with captures in an Azurite: every golden exchange."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local.export.__main__ import main
from shared.core.records.exchange import capture
from shared.core.records.exchange.capture import Capture
from shared.core.records.exchange.envelope import to_fields
from shared.core.records.exchange.window import Window
from shared.core.wire.json.json_shape import JsonObject
from tests.golden import load, names
from tests.integration.support.azurite import (
    AzuriteAccount,
    sample_account,
    sample_id,
    sample_window,
)
from view.exchange.evaluation import LeftOut, Shape, row_of


@dataclass(frozen=True)
class StoredCases:
    """Golden cases whose captures are stored, one a half minute from the window's start."""

    connection_string: str
    window: Window
    names: list[str]
    ids: dict[str, str]  # exchange id by case

    def run(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str
    ) -> list[JsonObject]:
        """The rows that the command writes for the window."""
        monkeypatch.setenv("CAPTURES_STORAGE", self.connection_string)
        file = folder / "rows.jsonl"
        span = ["--from", self.window.start.isoformat(), "--to", self.window.end.isoformat()]
        assert main([*span, "--output", str(file), *arguments]) == 0
        assert file.stat().st_mode & 0o077 == 0
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def stored_cases(azurite: str) -> StoredCases:
    window = sample_window()
    cases = StoredCases(azurite, window, names(), {})
    asyncio.run(_store(cases))
    return cases


async def _store(cases: StoredCases) -> None:
    async with sample_account(cases.connection_string) as account:
        for number, name in enumerate(cases.names):
            case, exchange_id = load(name), sample_id(cases.window, number / 2)
            cases.ids[name] = exchange_id
            envelope = replace(case.envelope, exchange_id=exchange_id)
            if case.request is not None:
                await _put(account, capture.request_name(exchange_id), case.request)
            if case.response is not None:
                blob = capture.response_name(exchange_id)
                await _put(account, blob, case.response, envelope=to_fields(envelope))


async def _put(account: AzuriteAccount, name: str, side: Capture, **more: object) -> None:
    await account.captures.put(name, (capture.preamble({**side.header, **more}), side.body))


def test_a_golden_exchange_is_the_row_of_its_event(
    stored_cases: StoredCases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The rows have the order in which the exchanges started, and only those that can be
    evaluated.
    """
    expected = {
        name: row
        for name in stored_cases.names
        if isinstance(row := row_of(_event(name), Shape.MESSAGES), dict)
    }
    rows = stored_cases.run(monkeypatch, tmp_path)
    assert [row["exchange_id"] for row in rows] == [stored_cases.ids[name] for name in expected]
    for row, (name, golden_row) in zip(rows, expected.items(), strict=True):
        definitions = row.pop("tool_definitions", None)
        assert (definitions is not None) == bool(_event(name)["parameters"].get("tools")), name
        assert row == golden_row | {"exchange_id": row["exchange_id"]}, name


def _event(name: str) -> Any:
    return json.loads(load(name).event_path.read_text("utf-8"))


def test_a_filter_and_a_limit_choose_the_rows(
    stored_cases: StoredCases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = ("operation:responses", "--limit", "2", "--shape", "query-response")
    rows = stored_cases.run(monkeypatch, tmp_path, *options)
    assert [row["exchange_id"] for row in rows] == [
        stored_cases.ids["responses"],
        stored_cases.ids["responses_stream"],
    ]
    assert all({"query", "response"} <= row.keys() for row in rows)


def test_the_progress_counts_every_exchange(
    stored_cases: StoredCases,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = stored_cases.run(monkeypatch, tmp_path)
    summary = capsys.readouterr().err.splitlines()
    exchanges = sum(1 for name in stored_cases.names if load(name).request or load(name).response)
    assert (
        f"{len(rows):,} rows of {exchanges:,} exchanges are in {tmp_path / 'rows.jsonl'}" in summary
    )
    left_out = [line.split(maxsplit=3) for line in summary if line.startswith("left out: ")]
    assert sum(int(words[2]) for words in left_out) == exchanges - len(rows)
    assert {words[3] for words in left_out} >= {LeftOut.NOT_RECORDED, LeftOut.NO_ANSWER}


def test_storage_that_cannot_be_reached_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:9/a;"
    monkeypatch.setenv("CAPTURES_STORAGE", address)
    assert main(["--output", str(tmp_path / "rows.jsonl")]) == 1
    assert "the storage account cannot be reached" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
