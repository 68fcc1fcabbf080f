"""Structured logs: one JSON object a line on stderr (or a readable console), for all loggers alike.

Nothing personal is logged: callers pass counts, resource names and reasons, never content.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor

from servicekit.error_places import places_of, types_of
from servicekit.request_ids import current_request_id
from servicekit.tracing import trace_ids

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["json", "console"]


def configure_logging(
    *, service: str, level: LogLevel, log_format: LogFormat, count: Processor | None = None
) -> None:
    """Route structlog and the standard library's loggers to stderr, from ``level`` upwards.

    ``count`` sees every line before it is rendered.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]

    def complete(logger: object, method: str, event: EventDict) -> EventDict:
        # One step for all lines, since every call writes one.
        if request_id := current_request_id.get():
            event.setdefault("request_id", request_id)
        event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        event["service"] = service
        event.update(trace_ids())
        _tell_places(event)
        return structlog.processors.add_log_level(logger, method, event)

    shared: list[Processor] = [complete, *([count] if count else [])]
    if log_format == "json":
        structlog.configure(
            processors=[*shared, _to_json],
            wrapper_class=structlog.make_filtering_bound_logger(threshold),
            logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
        renderer: Processor = _to_json_text
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        structlog.configure(
            processors=[*shared, renderer],
            wrapper_class=structlog.make_filtering_bound_logger(threshold),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=True,
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    # It logs every URL, and a URL may name a person or what somebody asked.
    logging.getLogger("httpx").setLevel(max(threshold, logging.WARNING))


def _tell_places(event: EventDict) -> None:
    """Types and places instead of the exception, whose text may quote a person's data."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error_type"], event["traceback"] = types_of(error), places_of(error)


def _to_json(_logger: object, _method: str, event: EventDict) -> bytes:
    # repr, because that of a SecretStr prints stars.
    return orjson.dumps(event, default=repr)


def _to_json_text(logger: object, method: str, event: EventDict) -> str:
    return _to_json(logger, method, event).decode()
