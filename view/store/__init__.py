"""The SQLite file in which the view keeps the events that it has read.

* `schema`: its tables.
* `connections`: one connection that writes, and one for each thread that reads.
* `figures`: what the charts show.
* `sums`: of five minutes each, for the charts of long spans.
* `packing`: events as they are kept.
* `writing`: adding and removing exchanges.
* `store`: events in, rows and events out.
"""

from __future__ import annotations

from view.store.store import MOST_COUNTED, Page, Store
from view.store.writing import StoreEntry

__all__ = ["MOST_COUNTED", "Page", "Store", "StoreEntry"]
