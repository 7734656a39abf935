"""Reads settings one by one and collects their problems, so that one error can name them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from shared.errors import SettingsError
from shared.settings import misspelt, validators

# host.json sets functionTimeout to 30 minutes; the host cuts a stream then and replaces the worker,
# which takes every other exchange of that worker with it. The longest exchange that the app allows
# stays a minute below.
LONGEST_EXCHANGE_S: Final = 29 * 60

# A key, a connection string or an address with a signature may have been put where none belongs. A
# plain http(s) address holds none of them: no user info, query or fragment, and nothing
# percent-encoded.
_MAY_BE_SHOWN: Final = re.compile(
    r"[\w.,:/+-]{1,30}|(?=.{1,200}$)https?://[\w.:\[\]/~-]+", re.IGNORECASE
)


class EnvironReader:
    """Reads values and collects problems, so that one error can name them all. A blank value counts
    as absent.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._names_read: set[str] = set()
        self._problems: list[str] = []

    def text(self, name: str) -> str | None:
        """The value without surrounding white space; None if it is absent or blank."""
        self._names_read.add(name)
        return self._environ.get(name, "").strip() or None

    def any_of(self, prefix: str) -> bool:
        """Whether `prefix`, or a name that begins with it and two underscores, has a value."""
        return any(
            self.text(name)
            for name in self._environ
            if name == prefix or name.startswith(f"{prefix}__")
        )

    def report_missing(self, name: str, expected_form: str, example: str) -> None:
        """Add the problem that a setting is missing."""
        self._problems.append(f"{name} is missing: {expected_form}, e.g. {example}")

    def report_malformed(self, name: str, problem: str) -> None:
        """Add the problem of a setting that has a value."""
        self._problems.append(f"{name} is malformed: {problem}")

    def validate(
        self,
        name: str,
        expected_form: str,
        example: str,
        valid: Callable[[str], bool],
        *,
        secret: bool = False,
    ) -> str | None:
        """The value; None if it is absent. One that is not `valid` becomes a problem, and None."""
        value = self.text(name)
        if value is None or _holds(valid, value):
            return value
        quotation = f" ({value!r})" if not secret and _MAY_BE_SHOWN.fullmatch(value) else ""
        self._problems.append(
            f"{name} is malformed{quotation}: it must be {expected_form}, e.g. {example}"
        )
        return None

    def require(
        self, name: str, expected_form: str, example: str, valid: Callable[[str], bool]
    ) -> str:
        """The value; "" with a problem if it is absent or not `valid`."""
        if self.text(name) is None:
            self.report_missing(name, expected_form, example)
        return self.validate(name, expected_form, example, valid) or ""

    def number(self, name: str, default: float, unit: str, least: float, most: float) -> float:
        """The number; `default` if it is absent, or out of range, which is a problem."""

        def in_range(text: str) -> bool:
            return least <= float(text) <= most

        expected_form = f"{unit} from {least:g} to {most:g}"
        return float(self.validate(name, expected_form, f"{default:g}", in_range) or default)

    def one_of(self, name: str, default: str, *others: str) -> str:
        """One of the words, in lower case; `default` if it is absent or another word, a problem."""
        choices = (default, *others)
        value = self.validate(
            name, " or ".join(choices), default, lambda text: text.lower() in choices
        )
        return (value or default).lower()

    def switch(self, name: str, *, default: bool) -> bool:
        """Whether the value is `true`; `default` if it is absent, or neither `true` nor `false`."""
        value = self.validate(
            name,
            "true or false",
            str(default).lower(),
            lambda text: text.lower() in {"true", "false"},
        )
        return default if value is None else value.lower() == "true"

    def seconds(
        self, name: str, default: float, least: float = 0.05, most: float = LONGEST_EXCHANGE_S
    ) -> float:
        """A number of seconds."""
        return self.number(name, default, "a number of seconds", least, most)

    def bytes_of_megabytes(self, name: str, default: float, least: float, most: float) -> int:
        """The bytes of a number of megabytes."""
        return int(self.number(name, default, "megabytes", least, most) * 1024 * 1024)

    def schedule(self, name: str, default: str) -> str:
        """An NCRONTAB expression."""
        expected_form = "an NCRONTAB expression of six fields"
        return self.validate(name, expected_form, default, validators.is_schedule) or default

    def misspelt(self) -> dict[str, str]:
        """Names that look like one of the settings read so far -> that setting."""
        return misspelt.find(self._environ, self._names_read)

    def raise_problems(self) -> None:
        """Raise SettingsError that names all problems, if there are any."""
        if not self._problems:
            return
        count = len(self._problems)
        heading = f"{count} setting{'s' if count > 1 else ''} of fnsse need{'' if count > 1 else 's'} attention:"
        raise SettingsError("\n  ".join([heading, *self._problems]))


def _holds(valid: Callable[[str], bool], value: str) -> bool:
    try:
        return valid(value)
    except ValueError:  # int(), float() and urlsplit() say "malformed" this way
        return False
