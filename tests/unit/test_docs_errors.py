"""docs/reference/errors.md explains every error of the proxy."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator

from local.repository import ROOT
from shared.core import api_error
from shared.core.api_error import ApiError
from shared.core.token.caller_token import Check, Role

PAGE = ROOT / "docs" / "reference" / "errors.md"
# a value for each parameter by its annotation; every member where it is an enumeration
VALUES: dict[str, tuple[object, ...]] = {
    "str": ("why",),
    "int": (1,),
    "tuple[str, ...]": (("POST",),),
    "Check": tuple(Check),
    "Role": tuple(Role),
}


def errors() -> Iterator[ApiError]:
    """Every error that a public function of the module makes."""
    for name, make in inspect.getmembers(api_error, inspect.isfunction):
        if make.__module__ == api_error.__name__ and not name.startswith("_"):
            parameters = inspect.signature(make).parameters.values()
            for values in itertools.product(
                *(VALUES[parameter.annotation] for parameter in parameters)
            ):
                yield make(*values)


def test_each_code_is_explained_with_its_status() -> None:
    """A row for each: code, status, cause, remedy; none is left over."""
    rows = re.findall(
        r"^\| `(\w+)` \| (\d{3}) \| [^|]+ \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    documented = {code: int(status) for code, status in rows}
    assert documented == {error.code: error.status for error in errors()}
