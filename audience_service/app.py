"""The one place where the audience service is put together."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
from audience.v1 import (
    audience_counts_pb2_grpc,
    audiences_pb2_grpc,
    prospects_pb2_grpc,
    suppressions_pb2_grpc,
)

from audience_service.audiences import Audiences
from audience_service.background import Background
from audience_service.combining import Combining
from audience_service.counts import AudienceCounts
from audience_service.deletion import Deletion
from audience_service.enrichment_gateway import GrpcEnrichment
from audience_service.enrolment import Enrolment
from audience_service.erasure import Erasure
from audience_service.import_runner import ImportRunner
from audience_service.imports import Imports
from audience_service.linkedin_ads import LinkedInAdsApi
from audience_service.linking import Linker
from audience_service.members import Members
from audience_service.messages import Messages
from audience_service.metrics.background import ObservedBackground
from audience_service.metrics.linkedin import ObservedAds
from audience_service.metrics.store import ObservedStore
from audience_service.person_keys import PersonKeys
from audience_service.prospects import Prospects
from audience_service.servicers.audience_counts import AudienceCountServicer
from audience_service.servicers.audiences import AudienceServicer
from audience_service.servicers.import_patience import Patience
from audience_service.servicers.prospects import ProspectServicer
from audience_service.servicers.suppressions import SuppressionServicer
from audience_service.settings import Settings
from audience_service.signals import Signals
from audience_service.sql.database import Database
from audience_service.sql.erasures import key_is_known
from audience_service.sql.fitness import check_fitness
from audience_service.sql.migrate import migrate
from audience_service.sql.store import SqlStore
from audience_service.submitting import Submitter
from audience_service.suppressing import Suppressions
from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient
from servicekit.clock import open_clock
from servicekit.kept_secrets import embedded_secret
from servicekit.metrics import Metrics
from servicekit.outgoing_calls import OutgoingCalls
from servicekit.server import Hook
from servicekit.services import Service
from servicekit.settings import ConfigurationError

_DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class App:
    """What a server needs: services, metrics, and what to do when it drains and closes."""

    services: Sequence[Service[Any]]
    drain: Sequence[Hook]
    close: Sequence[Hook]
    database: Database
    metrics: Metrics


async def build(settings: Settings, *, metrics: Metrics | None = None) -> App:
    """Opens everything and brings the tables up to date."""
    clock, metrics = open_clock(settings.clock_file), metrics or Metrics()
    signals = Signals()
    async with AsyncExitStack() as undo:
        database = Database(settings.database_url.get_secret_value())
        undo.push_async_callback(database.close)
        await migrate(database)
        await check_fitness(database)
        keys = PersonKeys(_erasure_secret(settings, database))
        if not await key_is_known(database, keys):
            raise ConfigurationError(
                "AUDIENCE_ERASURE_KEY: people in this database were erased under another key and "
                "would come back under this one. Set the key that it was first used with."
            )
        client = _enrichment_client(settings, metrics)
        undo.push_async_callback(client.close)
        http = httpx.AsyncClient(timeout=10.0, follow_redirects=False)
        undo.push_async_callback(http.aclose)
        undo.pop_all()
    store = ObservedStore(SqlStore(database, keys=keys), metrics=metrics)
    enrichment = GrpcEnrichment(client)
    ads = ObservedAds(
        LinkedInAdsApi(
            http,
            url=settings.linkedin_api_url,
            version=settings.linkedin_version,
            api=settings.linkedin_counts_api,
        ),
        metrics=metrics,
    )
    counts = AudienceCounts(ads=ads, clock=clock)
    ads.watch_silence(lambda: counts.silence_ms)
    observer = ObservedBackground(metrics=metrics)
    erasure = Erasure(store=store, clock=clock, enrichment=enrichment, signals=signals)
    enrolment = Enrolment(store=store, signals=signals)
    combining = Combining(store=store, clock=clock, signals=signals)
    deletion = Deletion(
        store=store,
        clock=clock,
        signals=signals,
        retention_ms=settings.deleted_retention_days * _DAY_MS,
    )
    background = Background(
        {
            "imports": ImportRunner(
                store=store,
                clock=clock,
                signals=signals,
                max_rows=settings.import_max_rows,
                observer=observer,
            ).run,
            "submitting": Submitter(
                store=store,
                clock=clock,
                enrichment=enrichment,
                signals=signals,
                observer=observer,
            ).run,
            "builds": combining.run,
            "purging": deletion.run,
            "erasure": erasure.run,
            "linking": Linker(
                store=store, clock=clock, enrichment=enrichment, signals=signals, observer=observer
            ).run,
        }
    )
    audience_servicer = AudienceServicer(
        audiences=Audiences(store=store, clock=clock, enrichment=enrichment, signals=signals),
        members=Members(store=store, clock=clock, signals=signals),
        imports=Imports(
            store=store, clock=clock, signals=signals, max_file_bytes=settings.import_max_bytes
        ),
        patience=Patience(
            idle_seconds=settings.import_idle_seconds,
            receive_seconds=settings.import_receive_seconds,
        ),
        combining=combining,
        deletion=deletion,
        enrolment=enrolment,
        messages=Messages(store=store),
    )
    return App(
        services=[
            Service(audiences_pb2_grpc.add_AudienceServiceServicer_to_server, audience_servicer),
            Service(
                prospects_pb2_grpc.add_ProspectServiceServicer_to_server,
                ProspectServicer(
                    prospects=Prospects(store=store, clock=clock, signals=signals), erasure=erasure
                ),
            ),
            Service(
                suppressions_pb2_grpc.add_SuppressionServiceServicer_to_server,
                SuppressionServicer(
                    suppressions=Suppressions(store=store, clock=clock, signals=signals)
                ),
            ),
            Service(
                audience_counts_pb2_grpc.add_AudienceCountServiceServicer_to_server,
                AudienceCountServicer(counts=counts),
            ),
        ],
        drain=[enrolment.drain],
        close=[database.close, client.close, http.aclose, counts.close, background.close],
        database=database,
        metrics=metrics,
    )


def _enrichment_client(settings: Settings, metrics: Metrics) -> EnrichmentClient:
    try:
        credentials = Credentials(
            ca_file=settings.enrichment_ca_file,
            cert_file=settings.enrichment_cert_file,
            key_file=settings.enrichment_key_file,
            token_file=settings.enrichment_token_file,
        )
        return EnrichmentClient(
            settings.enrichment_address,
            credentials=credentials,
            interceptors=[OutgoingCalls(metrics)],
        )
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"AUDIENCE_ENRICHMENT_*_FILE: {error}.") from None


def _erasure_secret(settings: Settings, database: Database) -> bytes:
    """The secret that erased people are remembered by; a SQLite file has its own beside it."""
    secret = settings.erasure_key.get_secret_value()
    if secret:
        return secret.encode()
    if database.file is not None:
        return embedded_secret(database.file.with_name(f"{database.file.name}.erasure-key"))
    raise ConfigurationError(
        "AUDIENCE_ERASURE_KEY: set a secret of at least 16 characters that stays the same for "
        "good, or nobody could be told from people who were erased."
    )
