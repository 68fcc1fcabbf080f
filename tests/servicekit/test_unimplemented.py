"""The list of methods that are not there yet."""

from typing import Any

from tests.servicekit.probing import Probe
from tests.support.partial_servicers import allow_missing, missing_methods


async def answer(_request: Any, _context: Any) -> Any:
    raise AssertionError("never called")


def test_methods_that_are_not_overridden_are_listed(probe: Probe) -> None:
    servicer = probe.service(Ask=answer, Talk=answer, Listen=answer, Absent=answer).servicer
    assert missing_methods(servicer) == ["ProbeService.AbsentStream", "ProbeService.Collect"]


def test_nothing_is_missing_from_a_complete_servicer(probe: Probe) -> None:
    names = ["Ask", "Talk", "Listen", "Collect", "Absent", "AbsentStream"]
    assert missing_methods(probe.service(**dict.fromkeys(names, answer)).servicer) == []


def test_class_with_missing_methods_can_be_made(probe: Probe) -> None:
    servicer = allow_missing(type(probe.service(Ask=answer).servicer))()
    assert "ProbeService.Ask" not in missing_methods(servicer)
    assert len(missing_methods(servicer)) == 5
