"""A replay runner on an Azurite."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.completeness.replay import ReplayRunner
from tests.integration.support.azurite import AzuriteAccount

LATER = datetime(2030, 1, 1, tzinfo=UTC)


def sample_replay_runner(
    account: AzuriteAccount, now: datetime = LATER, **options: int
) -> ReplayRunner:
    max_age, back_pressure = timedelta(minutes=30), account.back_pressure()
    return ReplayRunner(
        captures=account.captures,
        ledger=account.ledger,
        erasure_marks=account.erasure_marks,
        envelopes=account.envelopes,
        checkpoints=account.json_blobs,
        back_pressure=back_pressure,
        max_age=max_age,
        now=lambda: now,
        **options,
    )
