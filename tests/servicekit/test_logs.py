"""Logs: one JSON object a line for all loggers, the access log, and what stays out of it."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from structlog.testing import capture_logs

from servicekit.logs import LogFormat, configure_logging
from servicekit.request_ids import current_request_id, work_id
from tests.servicekit.probing import Probe, Start, failure_of
from tests.support.waiting import until

PERSON = "Ada Lovelace"


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Puts back what setting up logging changes for the whole process."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored_logging")
def test_all_loggers_write_json_lines_with_the_service(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(service="audience", level="info", log_format="json")
    structlog.get_logger().info("imported", rows=7, key=SecretStr("hidden-key"))
    structlog.get_logger().debug("below the level")
    logging.getLogger("library").warning("careful %s", "now")
    first, second = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (first["event"], first["rows"], first["level"]) == ("imported", 7, "info")
    assert first["key"] == "SecretStr('**********')"
    assert (second["event"], second["logger"]) == ("careful now", "library")
    assert first["service"] == second["service"] == "audience"


@pytest.mark.usefixtures("restored_logging")
def test_lines_bear_the_id_of_the_work_that_they_are_written_in(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(service="audience", level="info", log_format="json")
    with work_id():
        structlog.get_logger().info("first")
        logging.getLogger("library").warning("second")
        structlog.get_logger().info("of another", request_id="abc")
    with work_id():
        structlog.get_logger().info("of other work")
    structlog.get_logger().info("of no work")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    first, second, named, other, none = (line.get("request_id") for line in lines)
    assert re.fullmatch("[a-z][a-z0-9]{12}", first)
    assert first == second
    assert named == "abc"
    assert other not in (first, None)
    assert none is None


@pytest.mark.usefixtures("restored_logging")
def test_console_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(service="audience", level="info", log_format="console")
    structlog.get_logger().info("imported", rows=7)
    text = capsys.readouterr().err
    assert "imported" in text
    assert "rows=7" in text


@pytest.mark.usefixtures("restored_logging")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_exceptions_are_told_by_type_and_place_never_by_text_or_values(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    configure_logging(service="audience", level="info", log_format=log_format)

    def break_down(person: str) -> None:
        raise LookupError(f"no place for {person}")

    try:
        break_down(PERSON)
    except LookupError as error:
        structlog.get_logger().exception("round_failed")
        structlog.get_logger().error("tick_failed", exc_info=error)
        logging.getLogger("library").error("gave up", exc_info=error)
    text = capsys.readouterr().err
    assert PERSON not in text
    lines = text.splitlines()
    assert len(lines) == 3
    assert all("LookupError" in line and "break_down" in line for line in lines)


async def test_one_line_a_call_without_content(probe: Probe, start: Start) -> None:
    seen: list[str] = []

    async def echo(request: Any, _context: Any) -> Any:
        seen.append(current_request_id.get())
        return probe.messages.AskResponse(text=request.text)

    client = await start(Ask=echo)
    with capture_logs() as logs:
        await client.stub.Ask(
            probe.messages.AskRequest(text=PERSON), metadata=(("x-request-id", "abc"),)
        )
        request = probe.messages.AskRequest(text=PERSON, count=-1)
        await failure_of(client.stub.Ask(request))
        # A refused call is answered before its line is written.
        await until(lambda: len(logs) == 2, "both calls are logged")
    assert [(e["event"], e["code"], e["reason"]) for e in logs] == [
        ("call", "OK", ""),
        ("call", "INVALID_ARGUMENT", "FIELDS_INVALID"),
    ]
    assert logs[0]["method"] == "/probe.v1.ProbeService/Ask"
    assert logs[0]["request_id"] == "abc"
    assert seen == ["abc"]
    assert logs[0]["peer"] == "loopback"
    assert logs[0]["duration_ms"] > 0
    assert PERSON not in str(logs)


async def test_unexpected_error_is_logged_with_its_place_but_not_its_text(
    probe: Probe, start: Start
) -> None:
    async def fail(_request: Any, _context: Any) -> Any:
        try:
            raise ValueError(PERSON)
        except ValueError as error:
            raise RuntimeError(PERSON) from error

    client = await start(Ask=fail)
    with capture_logs() as logs:
        failure = await failure_of(client.stub.Ask(probe.messages.AskRequest()))
    shown = [entry for entry in logs if entry["log_level"] != "debug"]
    assert [entry["event"] for entry in shown] == ["unexpected_error", "call"]
    assert shown[0]["error_id"] == failure.info.metadata["error_id"]
    assert shown[0]["error_type"] == ["RuntimeError", "ValueError"]
    assert any("test_logs.py" in frame for frame in shown[0]["traceback"])
    assert PERSON not in str(shown)
