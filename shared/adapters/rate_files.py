"""Reads the card of rates from its files: the base, and a company's own prices over it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from shared.core.cost import rates
from shared.core.cost.rates import RateCard, RateError

# Beside the app, and deployed with it.
FOLDER: Final = Path(__file__).resolve().parents[2] / "rates"
BASE: Final = "base.csv"
OVERLAY: Final = "company.csv"


def read_card(folder: Path = FOLDER) -> RateCard:
    """The base, under the overlay if the folder has one. Raises RateError, and OSError."""
    base = _read(folder / BASE)
    _check(BASE, base, gaps=True)
    if not (folder / OVERLAY).exists():
        return RateCard(base)
    overlay = _read(folder / OVERLAY)
    _check(OVERLAY, overlay, gaps=False)
    if {rate.currency for rate in overlay} - {rate.currency for rate in base}:
        raise RateError(f"{OVERLAY}: its currency is not that of {BASE}")
    return RateCard(overlay, below=RateCard(base))


def _read(file: Path) -> list[rates.Rate]:
    try:
        return rates.parse(file.read_text("utf-8"))
    except RateError as error:
        raise RateError(f"{file.name}: {error}") from None


def _check(name: str, found: list[rates.Rate], *, gaps: bool) -> None:
    problems = rates.problems(found, gaps=gaps)
    if problems:
        raise RateError(f"{name}: {'; '.join(problems)}")
