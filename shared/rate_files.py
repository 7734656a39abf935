"""Reads the card of rates from its files: the base, and a company's own prices over it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from shared.core.cost import provisioned, rates
from shared.core.cost.provisioned import Reservation
from shared.core.cost.rates import CardTexts, RateCard

# This folder lies beside the app and is deployed with it.
FOLDER: Final = Path(__file__).resolve().parents[1] / "rates"
BASE: Final = "base.csv"
OVERLAY: Final = "company.csv"
RESERVATIONS: Final = "reservations.csv"


def read_card(folder: Path = FOLDER) -> RateCard:
    """The base, under the overlay if the folder has one. Raises RateError, and OSError."""
    return rates.parse_card(read_texts(folder))


def read_reservations(folder: Path = FOLDER) -> tuple[Reservation, ...]:
    """The provisioned deployments. Raises RateError, and OSError."""
    return provisioned.parse_reservations((folder / RESERVATIONS).read_text("utf-8"))


def read_texts(folder: Path = FOLDER) -> CardTexts:
    """The files as they are. Raises OSError."""
    overlay = folder / OVERLAY
    return CardTexts(
        base=(folder / BASE).read_text("utf-8"),
        overlay=overlay.read_text("utf-8") if overlay.exists() else None,
    )
