"""fnsse's functions, wired: settings -> adapters -> use cases -> blueprints. Nothing else happens
here.
"""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import azure.functions as func

import blueprints.completeness.dead_letters
import blueprints.completeness.erase
import blueprints.completeness.expiry
import blueprints.completeness.reconcile
import blueprints.completeness.replay
import blueprints.enrichment
import blueprints.following
import blueprints.health
import blueprints.relay
from blueprints.access import Guard
from shared import rate_files
from shared.access import caller_check
from shared.adapters.blobs.captures import Captures
from shared.adapters.blobs.json_blobs import JsonBlobs
from shared.adapters.blobs.policy_blob import PolicyBlob
from shared.adapters.blobs.start_lease import StartLease
from shared.adapters.blobs.usage_claims import UsageClaims
from shared.adapters.event_hub.sender import EventSender
from shared.adapters.http_client.transport import AiohttpTransport
from shared.adapters.identity import credentials
from shared.adapters.ledger.dead_letter_store import DeadLetterStore
from shared.adapters.ledger.delivery_ledger import DeliveryLedger
from shared.adapters.ledger.entry_blobs import LedgerAppender
from shared.adapters.ledger.erasure_marks import ErasureMarks
from shared.adapters.ledger.index_reader import LedgerIndexReader
from shared.adapters.ledger.report_store import ReportStore
from shared.adapters.queues.envelope_queue import EnvelopeQueue, GroupedEnvelopes
from shared.adapters.queues.follow_up_queue import FollowUpQueue
from shared.adapters.storage.account import StorageAccount
from shared.adapters.upstream.reader import UpstreamReader
from shared.adapters.upstream.sender import RequestSender
from shared.adapters.worker import worker_library, worker_process
from shared.completeness.back_pressure import BackPressure
from shared.completeness.dead_letters import DeadLetters
from shared.completeness.erasure import ErasureRunner
from shared.completeness.exchange_erasure import ExchangeErasure
from shared.completeness.expiry import Expiry
from shared.completeness.reconciliation import Reconciliation
from shared.completeness.replay import ReplayRunner
from shared.content.policy_source import FixedPolicy, PolicyRenewal, PolicySource
from shared.core.records.queue.envelope_message import POISON_QUEUE, QUEUE
from shared.enrichment.analyzer_process import AnalyzerProcess
from shared.enrichment.assembly import Assembler
from shared.enrichment.event_delivery import EventDelivery
from shared.enrichment.event_preparation import EventPreparation
from shared.enrichment.message_handler import MessageHandler
from shared.enrichment.poison_handler import PoisonHandler
from shared.enrichment.retention_marks import RetentionMarks
from shared.following.followed_exchanges import FollowedExchanges
from shared.following.follower import Follower
from shared.health.readiness import Readiness
from shared.health.status import Status, StatusSources
from shared.http.exchange_ids import fresh_exchange_id
from shared.ports.signing_keys import SigningKeys
from shared.relay.body_memory import CaptureMemory
from shared.relay.recorder import Recorder
from shared.relay.relay_context import RelayContext
from shared.settings import misspelt
from shared.settings.loader import load
from shared.settings.settings import (
    CallerAuthSettings,
    ContentSettings,
    FollowingSettings,
    PresidioSettings,
    Settings,
)

if TYPE_CHECKING:
    from shared.telemetry.telemetry import Telemetry


def connect_telemetry(
    *,
    settings: Settings,
    envelopes: EnvelopeQueue,
    memory: CaptureMemory,
    recorder: Recorder,
    ledger: DeliveryLedger,
) -> Telemetry | None:
    """The export to the collector that the settings name; None if they name none."""
    if settings.telemetry is None:
        return None
    # 115 ms to import, and needed for a collector alone
    from shared.adapters.otlp.export import OtlpExport
    from shared.core.telemetry.attributes import TelemetryOptions
    from shared.telemetry.backlog import Backlog
    from shared.telemetry.telemetry import Telemetry

    upstream_address = urlsplit(settings.upstream.base_url)
    options = TelemetryOptions(
        server_address=upstream_address.hostname or "",
        server_port=upstream_address.port or (443 if upstream_address.scheme == "https" else 80),
        caller_members=settings.telemetry.caller_members,
        old_names=settings.telemetry.old_names,
        messages_on_spans=settings.telemetry.messages_on_spans,
        messages_in_events=settings.telemetry.messages_in_events,
    )
    exporter = OtlpExport(settings.telemetry)
    backlog = Backlog(
        exporter,
        envelopes,
        capture_bytes=lambda: memory.used_bytes,
        outcomes=lambda: recorder.waiting_count,
    )
    return Telemetry(
        collector=exporter,
        ledger=ledger,
        options=options,
        grace_s=settings.reconcile.grace_s,
        measure_backlog=backlog.measure_soon,
    )


def load_content_policy(
    settings: ContentSettings, storage: StorageAccount, *, max_days: int
) -> PolicySource:
    """The content policy in the setting or in a blob. `max_days`: its longest retention."""
    if settings.policy_blob is None:
        return FixedPolicy(settings.policy)
    blob = PolicyBlob(storage, settings.policy_blob)
    return PolicyRenewal(blob, settings.default, max_days=max_days)


def follow_responses(
    settings: FollowingSettings | None,
    upstream: RequestSender,
    storage: StorageAccount,
    exchanges: FollowedExchanges,
) -> Follower | None:
    """The follower of background responses; None if the settings switch it off."""
    if settings is None:
        return None
    return Follower(
        upstream=UpstreamReader(upstream),
        queue=FollowUpQueue(storage),
        record=exchanges.record,
        first_wait_s=settings.first_wait_s,
    )


def analyzer_process(settings: PresidioSettings | None) -> AnalyzerProcess | None:
    """Presidio, in a child process that starts with the first event that is redacted."""
    if settings is None:
        return None
    return AnalyzerProcess("shared.adapters.presidio", settings.models, settings.timeout_s)


def signing_keys(settings: CallerAuthSettings) -> Callable[[], Awaitable[SigningKeys]]:
    """The function that fetches the keys of the callers' tenant."""
    # 60 ms to import, and needed for tokens alone
    from shared.adapters.identity.entra import EntraTenant

    return EntraTenant(settings.authority, settings.tenant_id).signing_keys


worker_process.set_up_logging()
worker_library_problem = worker_library.patch_runtime()
config = load(os.environ)
worker = uuid.uuid4().hex
# An exchange without a response that is younger may still be running, or be recorded.
max_age = timedelta(seconds=config.longest_open_s)

# Adapters
managed_identity = functools.cache(
    functools.partial(credentials.managed_identity, config.managed_identity_client_id)
)
storage = StorageAccount(config.storage, managed_identity)
captures = Captures(storage)
json_blobs = JsonBlobs(storage)
envelopes = EnvelopeQueue(storage)
poison_envelopes = EnvelopeQueue(storage, POISON_QUEUE)
appender = LedgerAppender(storage, writer=worker)
erasure_marks = ErasureMarks(json_blobs)
reports = ReportStore(storage, json_blobs)
ledger = DeliveryLedger(storage, appender)
event_hub = EventSender(config.event_hub, managed_identity, on_accepted=ledger.append_deliveries)
upstream = RequestSender(
    config.upstream,
    AiohttpTransport(max_connections=config.upstream.max_connections),
    credentials.for_upstream(config.upstream, managed_identity),
)

# The relay
content = load_content_policy(config.content, storage, max_days=config.reconcile.retention_days)
content.begin()
memory = CaptureMemory(config.limits.capture_memory_bytes)
recorder = Recorder(
    captures=captures,
    envelopes=GroupedEnvelopes(envelopes),
    memory=memory,
    copied_headers=config.copied_headers,
    give_up_after_s=config.reconcile.give_up_recording_after_s,
)
relay_context = RelayContext(
    upstream=upstream,
    recorder=recorder,
    limits=config.limits,
    interventions=config.interventions,
    default_api_version=config.upstream.api_version,
    content_policy=content.policy,
)

# Telemetry, and the stores that report to it
telemetry = connect_telemetry(
    settings=config, envelopes=envelopes, memory=memory, recorder=recorder, ledger=ledger
)
dead_letter_store = DeadLetterStore(
    json_blobs, appender, on_dead_letter=telemetry.dead_lettered if telemetry else None
)
ledger_index = LedgerIndexReader(storage, dead_letter_store, erasure_marks)

# Enrichment and following
follower = follow_responses(
    config.following,
    upstream,
    storage,
    FollowedExchanges(
        captures=captures,
        envelopes=envelopes,
        marks=json_blobs,
        erased_exchanges=erasure_marks,
        new_exchange_id=fresh_exchange_id,
        open_s=config.longest_open_s,
    ),
)
preparation = EventPreparation(
    captures=captures,
    assemble=Assembler(
        config.upstream.region,
        config.deployments,
        rates=rate_files.read_texts() if config.event_cost else None,
        for_telemetry=config.telemetry is not None,
        with_messages=config.telemetry is not None and config.telemetry.wants_messages,
        custom_patterns=content.custom_patterns,
        analyzer=analyzer_process(config.presidio),
    ),
    claims=UsageClaims(json_blobs),
    erased_exchanges=erasure_marks,
)
delivery = EventDelivery(
    preparation=preparation,
    captures=captures,
    event_hub=event_hub,
    ledger=ledger,
    dead_letters=dead_letter_store,
    erased_exchanges=erasure_marks,
    telemetry=telemetry,
    begin_follow_up=follower.begin if follower is not None else None,
    marks=RetentionMarks(json_blobs),
)
message_handler = MessageHandler(delivery.deliver, envelopes)
poison_handler = PoisonHandler(
    undeliverable_reason=preparation.undeliverable_reason,
    captures=captures,
    dead_letters=dead_letter_store,
    erased_exchanges=erasure_marks,
    failure_counts=json_blobs,
    queue=poison_envelopes,
)

# Completeness
back_pressure = BackPressure(envelopes, event_hub)
reconciliation = Reconciliation(
    captures=captures,
    uploads=captures,
    ledger=ledger_index,
    dead_letters=dead_letter_store,
    reports=reports,
    envelopes=envelopes,
    checkpoints=json_blobs,
    back_pressure=back_pressure,
)
exchange_erasure = ExchangeErasure(
    captures=captures,
    erasure_marks=erasure_marks,
    dead_letters=dead_letter_store,
    failure_counts=json_blobs,
)
dead_letters = DeadLetters(
    captures=captures,
    ledger=ledger,
    dead_letters=dead_letter_store,
    envelopes=envelopes,
    erasure=exchange_erasure,
)
replay_runner = ReplayRunner(
    captures=captures,
    ledger=ledger,
    erasure_marks=erasure_marks,
    envelopes=envelopes,
    checkpoints=json_blobs,
    back_pressure=back_pressure,
    max_age=max_age,
)
erasure_runner = ErasureRunner(
    captures=captures,
    erasure=exchange_erasure,
    records=json_blobs,
    queues={QUEUE: envelopes, POISON_QUEUE: poison_envelopes},
    max_age=max_age,
)
expiry = Expiry(
    captures=captures,
    ledger=ledger_index,
    dead_letters=dead_letter_store,
    records=json_blobs,
)

# Access and health
callers = caller_check.for_app(config.caller_auth, signing_keys)
guard = Guard(callers)
probes = {"queue": envelopes.probe, "blobs": captures.probe, "event_hub": event_hub.reach}
if callers is not None:
    callers.begin()
    probes["signing_keys"] = callers.probe
notices = misspelt.notices(config.misspelt)
if worker_library_problem:
    notices["worker_library"] = worker_library_problem
readiness = Readiness(
    probes,
    notices=notices,
    degradations={
        "event_hub": lambda: event_hub.acceptance.degradation(datetime.now(UTC)),
        "content_policy": content.degradation,
    },
)
status = Status(
    StatusSources(
        queue=envelopes,
        poison_queue=poison_envelopes,
        dead_letters=dead_letter_store,
        reports=reports,
        json_objects=json_blobs,
        recording=recorder,
        acceptance=lambda: event_hub.acceptance,
    ),
    worker,
)

# Functions
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(blueprints.relay.blueprint(relay_context, guard))
app.register_functions(
    blueprints.enrichment.blueprint(message_handler, poison_handler, config.storage.setting)
)
if config.following is not None and follower is not None:
    app.register_functions(blueprints.following.blueprint(follower, config.following.schedule))
app.register_functions(blueprints.health.blueprint(readiness, status, guard))
app.register_functions(blueprints.completeness.dead_letters.blueprint(dead_letters, guard))
app.register_functions(blueprints.completeness.expiry.blueprint(expiry))
app.register_functions(
    blueprints.completeness.reconcile.blueprint(
        reconciliation,
        config.reconcile,
        guard,
        StartLease(storage, "locks/reconcile"),
        max_age_s=config.longest_open_s,
    )
)
app.register_functions(
    blueprints.completeness.replay.blueprint(replay_runner, config.reconcile.retention_days, guard)
)
app.register_functions(blueprints.completeness.erase.blueprint(erasure_runner, guard))

worker_process.freeze_gc()
