"""The functions of the app that HTTP calls, and the level of the key that each asks for."""

from __future__ import annotations

LEVELS = {
    "openai": "FUNCTION",
    "unknown_route": "FUNCTION",
    "health": "ANONYMOUS",
    "health_ready": "ANONYMOUS",
    "ops_dead_letters": "ADMIN",
    "ops_requeue": "ADMIN",
    "ops_erase": "ADMIN",
    "ops_status": "ADMIN",
    "ops_reports": "ADMIN",
    "reconcile_start": "ADMIN",
    "replay_start": "ADMIN",
    "erase_start": "ADMIN",
    "ops_erasure": "ADMIN",
    "ops_erased_ids": "ADMIN",
}
