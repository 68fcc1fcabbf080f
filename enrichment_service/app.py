"""The one place where the enrichment service is put together."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import structlog
from enrichment.v1 import (
    accounts_pb2_grpc,
    enrichments_pb2_grpc,
    events_pb2_grpc,
    view_budgets_pb2_grpc,
)

from enrichment_service.account_status import AccountStatuses, StatusPolls
from enrichment_service.accounts import Accounts
from enrichment_service.enrichments import Enrichments
from enrichment_service.erasure import Erasure
from enrichment_service.event_news import News
from enrichment_service.events import Events
from enrichment_service.explanations import Explanations
from enrichment_service.metrics.events import SubscriptionLags
from enrichment_service.metrics.provider import ObservedSource
from enrichment_service.metrics.state import StoreState
from enrichment_service.metrics.store import ObservedStore
from enrichment_service.metrics.ticks import ObservedTicks
from enrichment_service.person_keys import PersonKeys
from enrichment_service.policy.pacing import DAY_MS, view_gaps
from enrichment_service.ports import PARTITIONS, StorePort
from enrichment_service.provider import ConnectedAccountProvider
from enrichment_service.servicers.accounts import AccountServicer
from enrichment_service.servicers.enrichments import EnrichmentServicer
from enrichment_service.servicers.events import EventServicer, subscription_limit
from enrichment_service.servicers.view_budgets import ViewBudgetServicer
from enrichment_service.settings import Settings, parse_gap
from enrichment_service.store.event_tail import EventTail
from enrichment_service.store.partitions import Marker
from enrichment_service.store.store import Store
from enrichment_service.ticks import TickEngine
from enrichment_service.view_budgets import ViewBudgets
from enrichment_service.webhook import Webhook, check_exposure
from servicekit.clock import open_clock
from servicekit.https import https_context
from servicekit.kept_secrets import embedded_secret
from servicekit.metrics import Metrics
from servicekit.server import Hook
from servicekit.services import Service
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("app")


@dataclass(frozen=True, kw_only=True)
class App:
    """What a server needs: services, metrics, and what to do when it drains and closes."""

    services: Sequence[Service[Any]]
    drain: Sequence[Hook]
    close: Sequence[Hook]
    metrics: Metrics


def open_store(settings: Settings) -> Store:
    """The store as the settings describe it, not opened yet."""
    return Store(
        url=settings.store_url.get_secret_value(),
        clock=open_clock(settings.clock_file),
        marker=Marker(settings.store_marker) if settings.store_marker else None,
        retention_ms=settings.event_retention_days * DAY_MS,
    )


def erasure_secret(settings: Settings) -> bytes | None:
    """The secret that erased people are remembered by; an embedded store has its own."""
    secret = settings.erasure_key.get_secret_value()
    if not secret and settings.store_marker:
        return embedded_secret(settings.store_marker.with_name("erasure-key"))
    return secret.encode() or None


async def build(settings: Settings, *, metrics: Metrics | None = None) -> App:
    """Opens everything; ConfigurationError when something is not as it must be."""
    clock, metrics = open_clock(settings.clock_file), metrics or Metrics()
    shortest, longest = parse_gap(settings.view_gap_seconds)
    async with AsyncExitStack() as undo:
        bare_store = open_store(settings)
        undo.push_async_callback(bare_store.close)
        await bare_store.open(attested=settings.store_attested)
        store = ObservedStore(bare_store, metrics=metrics)
        keys = PersonKeys(erasure_secret(settings))
        erasure = Erasure(store, keys=keys)
        if not keys.ready:
            _log.error(
                "erasure_key_missing",
                advice="nobody is taken in or viewed until ENRICHMENT_ERASURE_KEY is set",
            )
        elif not await erasure.secret_is_known():
            raise ConfigurationError(
                "ENRICHMENT_ERASURE_KEY: people in this store were erased under another key and "
                "would come back under this one. Set the key that the store was first used with."
            )
        provider = ConnectedAccountProvider(
            url=settings.provider_url,
            api_key=settings.provider_api_key.get_secret_value(),
            # All partitions may be claimed from at the same moment.
            connections=settings.accounts_side_by_side + PARTITIONS,
            now_ms=clock.now_ms,
        )
        undo.push_async_callback(provider.close)
        engine = TickEngine(
            store=store,
            source=ObservedSource(provider, metrics=metrics),
            keys=keys,
            clock=clock,
            gaps=view_gaps(seed=settings.view_gap_seed, shortest=shortest, longest=longest),
            deadline_seconds=settings.view_deadline_seconds,
            accounts_side_by_side=settings.accounts_side_by_side,
            observer=ObservedTicks(metrics=metrics),
        )
        news = News()
        tail = EventTail(store=bare_store, news=news)
        undo.push_async_callback(tail.close)
        await tail.start()
        events = Events(store, news)
        SubscriptionLags(events.lags, state=StoreState(store, metrics=metrics), metrics=metrics)
        close: list[Hook] = [bare_store.close, provider.close, tail.close, engine.close]
        statuses = AccountStatuses(store=store, wake=engine.wake)
        close += await _listen_to_provider(settings, store, provider, statuses)
        if settings.worker and keys.ready:
            engine.start()
        undo.pop_all()
    return App(
        services=[
            Service(
                accounts_pb2_grpc.add_AccountServiceServicer_to_server,
                AccountServicer(accounts=Accounts(store), wake=engine.wake),
            ),
            Service(
                view_budgets_pb2_grpc.add_ViewBudgetServiceServicer_to_server,
                ViewBudgetServicer(view_budgets=ViewBudgets(store), wake=engine.wake),
            ),
            Service(
                enrichments_pb2_grpc.add_EnrichmentServiceServicer_to_server,
                EnrichmentServicer(
                    enrichments=Enrichments(store, keys=keys),
                    explanations=Explanations(store),
                    erasure=erasure,
                    wake=engine.wake,
                ),
            ),
            Service(
                events_pb2_grpc.add_EventServiceServicer_to_server,
                EventServicer(events, limit=subscription_limit(settings.subscriptions_per_caller)),
            ),
        ],
        drain=[engine.drain, events.drain],
        close=close,
        metrics=metrics,
    )


async def _listen_to_provider(
    settings: Settings,
    store: StorePort,
    provider: ConnectedAccountProvider,
    statuses: AccountStatuses,
) -> list[Hook]:
    """Hears of disconnected and reconnected accounts; what ends that."""
    close: list[Hook] = []
    if secret := settings.webhook_secret.get_secret_value():
        tls = https_context(settings)
        check_exposure(settings.webhook_host, secured=settings.insecure or tls is not None)
        webhook = Webhook(secret=secret, statuses=statuses)
        await webhook.start(host=settings.webhook_host, port=settings.webhook_port, tls=tls)
        close.append(webhook.close)
    if settings.worker and settings.status_polls_a_minute:
        polls = StatusPolls(
            store=store,
            source=provider,
            statuses=statuses,
            polls_a_minute=settings.status_polls_a_minute,
        )
        polls.start()
        close.append(polls.close)
    return close
