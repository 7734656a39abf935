"""Routes a request to an HTTP function.

The real host tries the functions' routes one after another, in the order of the functions' names
(ordinal, ignoring case), and uses the first that matches path and method. Literals have no
precedence over parameters. Sources: FunctionMetadataManager.cs (OrderBy name) and
WebScriptHostHttpRoutesManager.cs in Azure/azure-functions-host, WebJobsRouteBuilder.cs in
Azure/azure-webjobs-sdk-extensions (a plain RouteCollection); seen on the real host. Templates are
ASP.NET Core's (learn.microsoft.com, aspnet/core/fundamentals/routing), less what is refused below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from emulators.functions_host.unsupported import Unsupported

_PARAMETER: Final = re.compile(r"\{(\*{0,2})(\w+)(?::(\w+))?(\??)\}")
_CONSTRAINTS: Final = {
    "int": r"[+-]?\d{1,10}",
    "alpha": r"[A-Za-z]*",
    "guid": r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}


@dataclass(frozen=True, kw_only=True)
class FunctionRoute:
    """One HTTP function's route."""

    function_name: str
    template: str  # with the prefix, without a leading slash
    methods: frozenset[str]  # upper case; empty for every method
    pattern: re.Pattern[str]

    @classmethod
    def parse(
        cls, function_name: str, template: str, methods: Iterable[str] = (), prefix: str = ""
    ) -> FunctionRoute:
        """Parse a route template. Raises Unsupported for syntax that this host lacks."""
        whole = f"{prefix}/{template.strip('/')}".strip("/")
        return cls(
            function_name=function_name,
            template=whole,
            methods=frozenset(method.upper() for method in methods),
            pattern=_pattern(whole),
        )

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route's parameters for a decoded path, None unless path and method match."""
        if self.methods and method not in self.methods:
            return None
        match = self.pattern.fullmatch(path)
        return (
            None
            if match is None
            else {name: value for name, value in match.groupdict().items() if value}
        )


class RouteTable:
    """All routes of the app, in the order in which they are tried."""

    def __init__(self, routes: Iterable[FunctionRoute]) -> None:
        # StringComparer.OrdinalIgnoreCase compares upper-cased names.
        self._routes = sorted(routes, key=lambda route: route.function_name.upper())

    def find(self, method: str, path: str) -> tuple[str, Mapping[str, str]] | None:
        """The function's name and the route's parameters, None for a 404."""
        for route in self._routes:
            parameters = route.match(method, path)
            if parameters is not None:
                return route.function_name, parameters
        return None


def _pattern(template: str) -> re.Pattern[str]:
    pieces = [_segment(segment, template) for segment in template.split("/")] if template else []
    end = "" if "{*" in template else "/?"  # one slash at the end is ignored, two are not
    return re.compile("".join(pieces) + end, re.IGNORECASE | re.DOTALL)


def _segment(segment: str, template: str) -> str:
    if "{" not in segment and "}" not in segment:
        return "/" + re.escape(segment)
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        raise Unsupported(f"The segment {segment} of the route {template!r}")
    stars, name, constraint, optional = parameter.groups()
    if constraint and constraint not in _CONSTRAINTS:
        raise Unsupported(f"The constraint {constraint!r} of the route {template!r}")
    if stars:
        # its first segment must not be empty: seen on the real host
        return f"(?:/(?P<{name}>[^/].*)?)?"
    value = f"/(?P<{name}>{_CONSTRAINTS.get(constraint, '[^/]+')})"
    return f"(?:{value})?" if optional else value
