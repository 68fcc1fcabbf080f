"""The catalogue of events names every type, with an example that is a message of the contract."""

import re
from pathlib import Path

from enrichment.v1 import events_pb2
from google.protobuf import json_format

CATALOGUE = Path(__file__).parents[2] / "docs" / "events.md"


def test_every_type_has_an_example_of_its_own() -> None:
    sections = re.findall(
        r"^### (EVENT_TYPE_\w+)\n(.*?)```json\n(.*?)```", _text(), re.MULTILINE | re.DOTALL
    )
    types = [name for name, number in events_pb2.EventType.items() if number]
    assert sorted(name for name, _, _ in sections) == sorted(types)
    for name, words, example in sections:
        event = json_format.Parse(example, events_pb2.Event())
        assert events_pb2.EventType.Name(event.type) == name
        assert event.event_id
        for label in ("**When:**", "**Fields:**", "**Do:**"):
            assert label in words
        # Fields that the example has are among those that the text lists.
        for field, _ in event.ListFields():
            known = field.name in ("event_id", "type", "event_time", "account")
            assert known or f"`{field.name}`" in words or "as PROFILE_ENRICHED" in words


def test_every_kind_of_message_is_explained() -> None:
    for field in events_pb2.SubscribeEventsResponse.DESCRIPTOR.oneofs_by_name["message"].fields:
        assert f"| `{field.name}` |" in _text()


def _text() -> str:
    return CATALOGUE.read_text()
