"""`enrichment-service` runs the service; its other commands are for its store."""

import argparse
from collections.abc import Callable, Coroutine
from functools import partial

from enrichment_service.access import ACCESS
from enrichment_service.app import build, open_store
from enrichment_service.settings import Settings
from servicekit.log_metrics import LogMetrics
from servicekit.logs import configure_logging
from servicekit.metrics import Metrics
from servicekit.server import run, serve, start_server
from servicekit.settings import load_settings
from servicekit.tracing import TRACING

# What alerts look for.
_ALARMING = {
    "erasure_key_missing": "error",
    "provider_key_refused": "error",
    "provider_unreachable": "warning",
    "unexpected_error": "error",
}


def main() -> None:
    """Reads the settings from the environment and runs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="enrichment-service", description=__doc__)
    parser.add_argument(
        "command",
        nargs="?",
        choices=["serve", "init-store", "begin-epoch"],
        default="serve",
        help="serve (default); init-store: creates the headers of an empty production store; "
        "begin-epoch: after the store was restored from a backup and before the services start, "
        "budgets refuse until 00:00 UTC and subscribers take a snapshot",
    )
    command = parser.parse_args().command
    settings = load_settings(Settings)
    metrics = Metrics()
    configure_logging(
        service="enrichment-service",
        level=settings.log_level,
        log_format=settings.log_format,
        count=LogMetrics(metrics, expected=_ALARMING),
    )
    commands: dict[str, Callable[[Settings], Coroutine[None, None, None]]] = {
        "serve": partial(_serve, metrics=metrics),
        "init-store": _init_store,
        "begin-epoch": _begin_epoch,
    }
    run(commands[command](settings))


async def _serve(settings: Settings, *, metrics: Metrics) -> None:
    TRACING.start(service="enrichment-service", endpoint=settings.otlp_endpoint)
    app = await build(settings, metrics=metrics)
    starting = start_server(
        services=app.services,
        access=ACCESS,
        settings=settings,
        drain=app.drain,
        close=[TRACING.close, *app.close],
        metrics=app.metrics,
    )
    await serve("enrichment-service", starting)


async def _init_store(settings: Settings) -> None:
    store = open_store(settings)
    try:
        await store.open(initialise=True, attested=settings.store_attested)
    finally:
        await store.close()


async def _begin_epoch(settings: Settings) -> None:
    store = open_store(settings)
    try:
        await store.open(attested=settings.store_attested)
        await store.begin_epoch()
    finally:
        await store.close()


if __name__ == "__main__":
    main()
