"""`audience-service` runs the service until SIGTERM."""

from audience_service.access import ACCESS
from audience_service.app import build
from audience_service.settings import Settings
from servicekit.log_metrics import LogMetrics
from servicekit.logs import configure_logging
from servicekit.metrics import Metrics
from servicekit.server import run, serve, start_server
from servicekit.settings import load_settings
from servicekit.tracing import TRACING

# What alerts look for.
_ALARMING = {"unexpected_error": "error"}


def main() -> None:
    """Reads the settings from the environment and runs until SIGTERM."""
    settings = load_settings(Settings)
    metrics = Metrics()
    configure_logging(
        service="audience-service",
        level=settings.log_level,
        log_format=settings.log_format,
        count=LogMetrics(metrics, expected=_ALARMING),
    )
    run(_serve(settings, metrics=metrics))


async def _serve(settings: Settings, *, metrics: Metrics) -> None:
    TRACING.start(service="audience-service", endpoint=settings.otlp_endpoint)
    app = await build(settings, metrics=metrics)
    starting = start_server(
        services=app.services,
        access=ACCESS,
        settings=settings,
        drain=app.drain,
        close=[TRACING.close, *app.close],
        metrics=app.metrics,
    )
    await serve("audience-service", starting)


if __name__ == "__main__":
    main()
