"""Write the expected events again, after a change that is meant to change them. Read the difference
before committing it.
"""

from __future__ import annotations

import json

from shared.core.event import shape
from tests.golden import event_of, load, names, telemetry_text

for name in names():
    case = load(name)
    event = json.loads(shape.dump(event_of(case)))
    exchange = telemetry_text.exchange_of(case)
    telemetry = telemetry_text.render(exchange, telemetry_text.first_delivery(exchange))
    case.telemetry_path.write_text(telemetry, "utf-8")
    case.event_path.write_text(json.dumps(event, indent=1, ensure_ascii=False) + "\n", "utf-8")
print(f"wrote {len(names())} events")  # noqa: T201 - a command's output
