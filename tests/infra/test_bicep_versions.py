"""The templates use what Bicep 0.39 knows: azd compiles them with a Bicep of its own, an older one
than these tests run. The workflow compiles them with 0.44.1 as well.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.infra.bicep import INFRA

OLDEST: Final = (0, 39)  # of azd 1.23; azd 1.30, which azure.yaml asks for, brings 0.44
# The version in which each came, or a later one that has it (Azure/bicep, release notes and issues,
# read on 2026-11-27). Whoever uses another one looks up its version first.
KNOWN: Final = {
    (0, 9): {
        *("concat", "contains", "empty", "environment", "first", "flatten"),
        *("guid", "int", "items", "join", "last", "length", "listKeys", "listSecrets"),
        *("loadTextContent", "max", "range", "replace", "resourceGroup", "resourceId", "split"),
        *("startsWith", "string", "subscription", "take", "tenant", "toLower", "union"),
        *("uniqueString", "@batchSize", "@description", "@maxLength", "@maxValue", "@minLength"),
        *("@minValue", "module", "output", "param", "resource", "targetScope", "var"),
    },
    (0, 11): {"filter", "map", "metadata", "reduce"},
    (0, 18): {"cidrSubnet", "readEnvironmentVariable", "using", "@sealed", "type"},
    (0, 26): {"func", "import", "@discriminator", "@export"},
    (0, 33): {"deployer", "fail"},
    (0, 35): {"module without a name"},
}
VERSIONS: Final = {construct: version for version, found in KNOWN.items() for construct in found}
FILES: Final = [*sorted(INFRA.rglob("*.bicep")), *sorted(INFRA.glob("*.bicepparam"))]


def constructs(text: str) -> set[str]:
    """The functions, decorators and kinds of declarations of a Bicep file."""
    # Only the interpolated parts of a string are code; comments are not.
    code = re.sub(
        r"'(?:[^'\\]|\\.)*'|//.*",
        lambda literal: " ".join(re.findall(r"\$\{([^}]*)\}", literal[0])),
        text,
    )
    own = set(re.findall(r"^func (\w+)", code, re.MULTILINE))
    imported = {
        name for names in re.findall(r"^import \{([^}]*)\}", code, re.MULTILINE) for name in
        re.findall(r"\w+", names)
    }  # fmt: skip
    functions = set(re.findall(r"(?<![@\w])(\w+)\(", code)) - own - imported - {"if", "for"}
    decorators = set(re.findall(r"^\s*(@\w+)", code, re.MULTILINE))
    declarations = set(re.findall(r"^(\w+) ", code, re.MULTILINE))
    found = functions | decorators | declarations
    if re.search(r"^module (?:(?!\n\}).)*?\{\n(?!  name:)", code, re.MULTILINE | re.DOTALL):
        found.add("module without a name")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_template_uses_nothing_newer_than_azds_bicep(file: Path) -> None:
    """A string of several lines with values in it came after 0.39, and is not used either."""
    text = file.read_text()
    found = constructs(text)
    assert {construct for construct in found if construct not in VERSIONS} == set()
    assert {construct for construct in found if VERSIONS[construct] > OLDEST} == set()
    assert "$'''" not in text


def test_a_newer_function_would_be_seen() -> None:
    """It is seen in a value, within a string, and as a decorator."""
    text = "@onlyIfNotExists()\nvar a = newest('x')\nvar b = 'say ${newer(a)}' // future()\n"
    assert constructs(text) - VERSIONS.keys() == {"@onlyIfNotExists", "newest", "newer"}


def test_the_whole_language_of_the_templates_is_looked_at() -> None:
    """The table has no construct that no template uses, so that it stays true."""
    used = set().union(*(constructs(file.read_text()) for file in FILES))
    assert VERSIONS.keys() == used
