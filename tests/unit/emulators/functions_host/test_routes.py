"""Which function the embedded host gives a request to; the expectations were read off the real
host.
"""

from __future__ import annotations

import pytest

from emulators.functions_host.routes import FunctionRoute, RouteTable
from emulators.functions_host.unsupported import Unsupported


def table(**templates: str) -> RouteTable:
    return RouteTable(
        FunctionRoute.parse(name, template, ["GET"]) for name, template in templates.items()
    )


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("opt/{a}/{b?}", "/opt/x", {"a": "x"}),
        ("opt/{a}/{b?}", "/opt/x/", {"a": "x"}),
        ("opt/{a}/{b?}", "/opt/x/y", {"a": "x", "b": "y"}),
        ("opt/{a}/{b?}", "/opt//y", None),
        ("opt/{a}/{b?}", "/opt/x//", None),
        ("opt/{a}/{b?}", "/opt/", None),
        ("lit", "/LIT/", {}),
        ("lit", "/lit//", None),
        ("cat/{*path}", "/cat", {}),
        ("cat/{*path}", "/cat/", {}),
        ("cat/{*path}", "/cat/a/", {"path": "a/"}),
        ("cat/{*path}", "/cat/a%2Fb/c d", {"path": "a%2Fb/c d"}),
        ("cat/{*path}", "/cat//a", None),
        ("cat/{*path}", "/category", None),
        ("{*path}", "/", {}),
        ("{*path}", "/opt//y", {"path": "opt//y"}),
        ("{*path}", "//a", None),
        ("num/{n:int}", "/num/5", {"n": "5"}),
        ("num/{n:int}", "/num/abc", None),
        ("al/{x:alpha}/{g:guid?}", "/al/ABC/", {"x": "ABC"}),
        ("al/{x:alpha}/{g:guid?}", "/al/a1", None),
        ("", "/", {}),
    ],
)
def test_a_template_matches_as_in_asp_net(
    template: str, path: str, parameters: dict[str, str] | None
) -> None:
    """A template matches whole paths, ignores case, and gives its parameters."""
    assert FunctionRoute.parse("f", template).match("GET", path) == parameters


def test_the_first_function_by_name_wins() -> None:
    """The functions' names decide, ignoring case; literals and parameters have no precedence over a
    catch-all.
    """
    routes = table(Rest="{*path}", stream="stream/{kind}", echo="echo/{a}", lit="echo/lit")

    assert routes.find("GET", "/stream/x") == ("Rest", {"path": "stream/x"})
    assert routes.find("GET", "/echo/lit") == ("echo", {"a": "lit"})


def test_another_method_goes_on_to_the_next_route() -> None:
    """A route of another method does not match; if no route matches, there is no function."""
    routes = RouteTable(
        [FunctionRoute.parse("a", "x", ["GET"]), FunctionRoute.parse("b", "{*path}", ["POST"])]
    )

    assert routes.find("POST", "/x") == ("b", {"path": "x"})
    assert routes.find("PUT", "/x") is None


def test_the_prefix_stands_before_the_template() -> None:
    """host.json's routePrefix is part of the path."""
    route = FunctionRoute.parse("f", "items/{id}", prefix="api")

    assert route.match("GET", "/api/items/1") == {"id": "1"}
    assert route.match("GET", "/items/1") is None


@pytest.mark.parametrize("template", ["{n:range(1,2)}", "a{b}c", "{a=1}", "{x:datetime}"])
def test_what_the_templates_lack_is_refused(template: str) -> None:
    """A constraint, default or complex segment that this host does not know ends the start, naming
    the route.
    """
    with pytest.raises(Unsupported, match="route"):
        FunctionRoute.parse("f", template)
