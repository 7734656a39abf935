"""docs/reference/errors.md explains every error of the proxy."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator

from local.repository import ROOT
from shared.core import api_errors
from shared.core.api_errors import ApiError
from shared.core.wire.token.caller_token import Role, TokenCheck

PAGE = ROOT / "docs" / "reference" / "errors.md"
# a value for each parameter by its annotation; every member where it is an enumeration
VALUES: dict[str, tuple[object, ...]] = {
    "str": ("reason",),
    "int": (1,),
    "tuple[str, ...]": (("POST",),),
    "TokenCheck": tuple(TokenCheck),
    "Role": tuple(Role),
}


def functions() -> Iterator[Callable[..., ApiError]]:
    """The public functions of the module."""
    for name, function in inspect.getmembers(api_errors, inspect.isfunction):
        if function.__module__ == api_errors.__name__ and not name.startswith("_"):
            yield function


def errors() -> Iterator[ApiError]:
    """Every error that a public function of the module makes."""
    for make in functions():
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
