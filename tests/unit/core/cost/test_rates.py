"""The cards of rates: what is rejected, and that the base of the repository is one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Final

import pytest

from local.repository import ROOT
from shared import rate_files
from shared.core.cost import rates
from shared.core.cost.billing_inputs import quantities_of
from shared.errors import RateError

HEAD: Final = "model,sku,valid_from,valid_to,currency,input,source\n"


def problems(*rows: str, gaps: bool = True) -> list[str]:
    return rates.problems(rates.parse(HEAD + "\n".join(rows)), gaps=gaps)


def test_the_base_card_is_sound() -> None:
    """It has no overlap and no gap, and each row has a source."""
    base = rates.parse((rate_files.FOLDER / rate_files.BASE).read_text())
    assert rates.problems(base) == []
    assert all(rate.source and rate.as_of for rate in base)


def test_the_base_is_written_as_the_program_writes_it() -> None:
    """The difference of two bases is then one of prices."""
    text = (rate_files.FOLDER / rate_files.BASE).read_text()
    assert rates.write(rates.parse(text)) == text


def test_every_golden_model_is_priced_or_listed() -> None:
    """A model that is listed as unpriced has no rate: the list stays true."""
    priced = {rate.model for rate in rate_files.read_card()}
    with (rate_files.FOLDER / "unpriced.csv").open() as file:
        unpriced = {row["model"] for row in csv.DictReader(file)}
    used = {
        measured.model
        for path in ROOT.glob("tests/golden/cases/*/event.json")
        if (measured := quantities_of(json.loads(path.read_text()))).basis != "nothing"
        and measured.model
    }
    assert len(used) > 5
    assert used - priced == unpriced


def test_two_rates_for_one_time_are_a_problem() -> None:
    found = problems("m,S,,2026-02-01,USD,1,a", "m,S,2026-01-01,,USD,2,b")
    assert found == ["m S: two rates at 2026-01-01"]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (
            ["m,S,,2026-01-01,USD,1,a", "m,S,2026-02-01,,USD,2,b"],
            "m S: no rate from 2026-01-01 to 2026-02-01",
        ),
        (["m,S,,2026-01-01,USD,1,a"], "m S: no rate from 2026-01-01"),
    ],
)
def test_a_time_without_a_rate_is_a_problem_of_a_base_alone(rows: list[str], problem: str) -> None:
    """The base fills the gap of an overlay."""
    assert problems(*rows) == [problem]
    assert problems(*rows, gaps=False) == []


def test_two_currencies_in_one_card_are_a_problem() -> None:
    """Their amounts would be added up."""
    assert problems("m,S,,,USD,1,a", "n,S,,,EUR,1,a") == ["several currencies: EUR, USD"]


def test_a_rate_that_ends_before_it_begins_is_a_problem() -> None:
    found = problems("m,S,2026-02-01,2026-01-01,USD,1,a", gaps=False)
    assert found == ["m S: ends before it begins, 2026-01-01"]


@pytest.mark.parametrize(
    "row",
    ["m,S,,,USD,-1,a", "m,S,,,USD,many,a", "m,S,someday,,USD,1,a", "m,S,,,USD,1,", ",S,,,USD,1,a"],
)
def test_a_row_that_is_not_a_rate_is_rejected_with_its_line(row: str) -> None:
    with pytest.raises(RateError, match="line 2"):
        rates.parse(HEAD + row)


def test_an_unknown_column_is_rejected() -> None:
    """A misspelt one would leave a part without a price."""
    with pytest.raises(RateError, match="cashed"):
        rates.parse("model,currency,cashed,source\nm,USD,1,a")


def test_a_company_prices_over_the_base(tmp_path: Path) -> None:
    """A file with another currency, or with two prices for one time, is rejected by its name."""
    (tmp_path / "base.csv").write_text(HEAD + "m,S,,,USD,1,a\n")
    overlay = tmp_path / "company.csv"
    overlay.write_text(HEAD + "m,S,,,USD,1,a\nm,S,,,USD,2,b\n")
    with pytest.raises(RateError, match="the overlay: m S: two rates"):
        rate_files.read_card(tmp_path)
    overlay.write_text(HEAD + "m,S,2026-01-01,,EUR,1,a\n")
    with pytest.raises(RateError, match="currency"):
        rate_files.read_card(tmp_path)
