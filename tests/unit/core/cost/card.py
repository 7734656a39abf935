"""A rate card and quantities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from shared.core.cost.quantities import Quantities
from shared.core.cost.rates import RateCard, parse

CARD: Final = RateCard(
    parse(
        "model,sku,zone,tier,variant,context_above,valid_from,valid_to,currency,"
        "input,cached,cache_write,output,reasoning,seconds,images,web_search,routed_input,source\n"
        "gpt,GlobalStandard,,,,,,2026-01-01,USD,4,2,5,20,20,,,,,old\n"
        "gpt,GlobalStandard,,,,,2026-01-01,,USD,2,1,2.5,10,10,,,,,new\n"
        "gpt,GlobalStandard,,,,1000,2026-01-01,,USD,4,2,5,15,15,,,,,long\n"
        "gpt,GlobalStandard,,priority,,,,,USD,8,4,8,40,40,,,,,priority\n"
        "gpt,GlobalStandard,,batch,,,,,USD,1,1,1,5,5,,,,,batch\n"
        "gpt,DataZoneStandard,eu,,,,,,USD,2.2,1.1,2.75,11,11,,,,,eu\n"
        "gpt,DataZoneStandard,us,,,,,,USD,2.2,1.1,2.75,11,11,,,,,us\n"
        "picture,GlobalStandard,,,hd 1024x1024,,,,USD,,,,,,,80,,,pictures\n"
        "*,,,,,,,,USD,,,,,,,,10,0.14,tools\n"
    )
)
AT: Final = datetime(2026, 11, 1, tzinfo=UTC)


def quantities(**changes: Any) -> Quantities:
    """The quantities of a usual exchange."""
    members: dict[str, Any] = {
        "basis": "usage",
        "model": "gpt",
        "model_source": "answer",
        "sku": "GlobalStandard",
        "input": 100,
        "cached": 50,
        "cache_write": 10,
        "output": 20,
        "reasoning": 5,
    }
    return Quantities(**(members | changes))
