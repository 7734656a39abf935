"""The filter line, one grammar for the page, its API and `make events`
(docs/reference/view-filters.md). Pure.

* `keys`: what can be compared, and how.
* `terms`: a filter, parsed.
* `grammar`: reads a line.
* `units`: numbers and times with their units.
* `sql`: a filter as a condition of SQLite.
* `matching`: whether one row and its text match.
"""

from __future__ import annotations

from view.filters.grammar import parse
from view.filters.matching import matches
from view.filters.terms import Filter

__all__ = ["Filter", "matches", "parse"]
