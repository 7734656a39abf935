"""`make export`: its options, without a stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.export.__main__ import main


@pytest.fixture(autouse=True)
def storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTURES_STORAGE", "UseDevelopmentStorage=true")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "yesterday"], "--from must be a moment in ISO 8601"),
        (["--from", "2026-11-27", "--to", "2026-11-26"], "--to must be later than --from"),
        (["tokens>"], "tokens>"),
    ],
    ids=["moment", "order", "filter"],
)
def test_a_mistake_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_without_a_run_and_without_storage_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CAPTURES_STORAGE")
    assert main(["--folder", str(tmp_path)]) == 1
    assert "start `make run`" in capsys.readouterr().err
