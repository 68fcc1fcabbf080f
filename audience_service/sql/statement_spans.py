"""Every statement as a part of the trace under way: its text with placeholders, no parameters."""

from typing import Any

from opentelemetry.trace import StatusCode
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from servicekit import tracing

_LONGEST_TEXT = 1_000
_SPAN = "statement_span"


def trace_statements(engine: Engine) -> None:
    """From now on; costs nothing while nothing is traced."""
    system = engine.dialect.name
    if tracing.TRACING.tracer is None:
        return
    event.listen(engine, "before_cursor_execute", _Begin(system))
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


class _Begin:
    def __init__(self, system: str) -> None:
        self._system = system

    # Cursor and context are whatever the driver has.
    def __call__(
        self,
        _connection: object,
        _cursor: object,
        statement: str,
        _parameters: object,
        context: Any,
        _many: bool,
    ) -> None:
        verb = statement.lstrip().partition(" ")[0].upper()[:20]
        attributes = {"db.system.name": self._system, "db.query.text": statement[:_LONGEST_TEXT]}
        setattr(context, _SPAN, tracing.begin_part(f"sql {verb}", attributes))


def _end(
    _connection: object,
    _cursor: object,
    _statement: str,
    _parameters: object,
    context: Any,
    _many: bool,
) -> None:
    span = getattr(context, _SPAN, None)
    if span is not None:
        span.end()


def _fail(failure: ExceptionContext) -> None:
    span = getattr(failure.execution_context, _SPAN, None)
    if span is not None:
        span.set_status(StatusCode.ERROR, type(failure.original_exception).__qualname__)
        span.end()
