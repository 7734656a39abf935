"""Writes the rates as functions for Azure Data Explorer, into infra/queries/analysts.

rates.kql is made of rates/base.csv and rates/company.csv, reservations.kql of
rates/reservations.csv.

    python -m local.rates.kusto
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from shared import rate_files
from shared.core.cost import rates
from shared.core.cost.rates import Rate

FOLDER: Final = Path(__file__).resolve().parents[2] / "infra" / "queries" / "analysts"
COLUMNS: Final = {
    **dict.fromkeys(("model", "sku", "zone", "tier", "variant"), "string"),
    "context_above": "long",
    "valid_from": "datetime",
    "valid_to": "datetime",
    "currency": "string",
    "layer": "long",
    "prices": "dynamic",
}
RESERVATION_COLUMNS: Final = {
    "deployment": "string",
    "units": "long",
    "unit_hour": "real",
    "currency": "string",
    "valid_from": "datetime",
    "valid_to": "datetime",
}
_ALWAYS: Final = ("1900-01-01", "9999-01-01")
_RATES_DOC: Final = (
    "Prices of models, made of rates/ by local/rates/kusto.py. `layer` 1: a company's own."
)
_RESERVATIONS_DOC: Final = (
    "Provisioned deployments: units, and the price of one for an hour; of rates/reservations.csv."
)


def rate_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of the function `rates`, those of the overlay in layer 1."""
    layers = ((0, folder / rate_files.BASE), (1, folder / rate_files.OVERLAY))
    return [
        _rate_row(rate, layer)
        for layer, file in layers
        if file.exists()
        for rate in rates.parse(file.read_text("utf-8"))
    ]


def reservation_rows(folder: Path) -> list[dict[str, str]]:
    """The rows of the function `reservations`. An empty time means always."""
    with (folder / "reservations.csv").open(encoding="utf-8") as file:
        return [
            row
            | {
                "valid_from": row["valid_from"] or _ALWAYS[0],
                "valid_to": row["valid_to"] or _ALWAYS[1],
            }
            for row in csv.DictReader(file)
        ]


def function(name: str, doc: str, columns: dict[str, str], rows: Iterable[dict[str, str]]) -> str:
    """A function of KQL that returns the rows.

    Times are texts in it, empty for always: Bicep loads no file of more than 131,072 characters.
    """
    schema = ", ".join(
        f"{column}: {'string' if kind == 'datetime' else kind}" for column, kind in columns.items()
    )
    lines = ",\n".join(",".join(_literals(row, columns)) for row in rows)
    return (
        f'.create-or-alter function with (docstring = "{doc}") {name}() {{\n'
        f"    datatable({schema})[\n{lines}\n]\n"
        f"    | extend valid_from = {_time('valid_from', _ALWAYS[0])},\n"
        f"        valid_to = {_time('valid_to', _ALWAYS[1])}\n}}\n"
    )


def files(folder: Path) -> dict[str, str]:
    """The text of each file, by its name."""
    return {
        "rates.kql": function("rates", _RATES_DOC, COLUMNS, rate_rows(folder)),
        "reservations.kql": function(
            "reservations", _RESERVATIONS_DOC, RESERVATION_COLUMNS, reservation_rows(folder)
        ),
    }


def _rate_row(rate: Rate, layer: int) -> dict[str, str]:
    prices = ",".join(f'"{part}":{price.normalize():f}' for part, price in rate.prices.items())
    return {
        **{name: getattr(rate, name) for name in ("model", "sku", "zone", "tier", "variant")},
        "context_above": str(rate.context_above),
        "valid_from": _ALWAYS[0] if rate.valid_from == rates.BEGINNING else f"{rate.valid_from:%F}",
        "valid_to": _ALWAYS[1] if rate.valid_to == rates.END else f"{rate.valid_to:%F}",
        "currency": rate.currency,
        "layer": str(layer),
        "prices": f"{{{prices}}}",
    }


def _time(column: str, default: str) -> str:
    return f"iff(isempty({column}), datetime({default}), todatetime({column}))"


def _literals(row: dict[str, str], columns: dict[str, str]) -> Iterator[str]:
    for column, kind in columns.items():
        value = row[column]
        if kind == "datetime":
            yield '""' if value in _ALWAYS else f'"{value}"'
        elif kind == "string":
            yield f'"{value}"'
        elif kind == "dynamic":
            yield f"dynamic({value})"
        else:
            yield value


def main() -> None:
    for name, text in files(rate_files.FOLDER).items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
