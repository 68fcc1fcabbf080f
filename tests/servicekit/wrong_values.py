"""Every message that callers send, with wrong values in every field, made from the descriptors."""

from collections.abc import Iterator
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import duration_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.security.methods import all_methods

# Between them they break every rule that the contract has for their type.
_WRONG: dict[int, tuple[object, ...]] = {
    FieldDescriptor.TYPE_STRING: ("?", "", "an apple / a pear\0", "x" * 20_000),
    FieldDescriptor.TYPE_BYTES: (b"", bytes(2 * 1024 * 1024)),
    FieldDescriptor.TYPE_INT32: (-1, 1, 2**31 - 1),
    FieldDescriptor.TYPE_INT64: (-1, 2**63 - 1),
    FieldDescriptor.TYPE_ENUM: (0, 99),
    FieldDescriptor.TYPE_MESSAGE: ({},),
}
_WRONG_DURATIONS = ({"seconds": -1}, {"seconds": 2**32})
_MORE_THAN_ANY_LIST = 1_001


def sent_messages() -> list[Descriptor]:
    """The requests of both services and the messages of ours inside them."""
    found: dict[str, Descriptor] = {}
    left = [method.descriptor.input_type for method in all_methods()]
    while left:
        kind = left.pop()
        if kind.file.package.endswith(".v1") and kind.full_name not in found:
            found[kind.full_name] = kind
            left += [field.message_type for field in kind.fields if field.message_type]
    return list(found.values())


def wrong_messages(kind: Descriptor) -> Iterator[Message]:
    """One of ``kind`` with nothing in it, and one for each wrong value of each field."""
    make: Any = GetMessageClass(kind)
    yield make()
    for field in kind.fields:
        values = _wrong_values(field)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            yield from (make(**{field.name: {value: value}}) for value in values)
            yield make(**{field.name: {f"k{n}": "" for n in range(_MORE_THAN_ANY_LIST)}})
        elif field.is_repeated:
            yield from (make(**{field.name: [value]}) for value in values)
            yield make(**{field.name: [values[0]] * _MORE_THAN_ANY_LIST})
        else:
            yield from (make(**{field.name: value}) for value in values)


def rules_in_need_of_words(kind: Descriptor) -> set[tuple[str, str]]:
    """The patterns and the CEL rules of a message: the field ("request" for all), the reason."""
    found = {("request", _reason(rule.id)) for rule in _rules(kind, validate_pb2.message).cel}
    for field in kind.fields:
        rules = _rules(field, validate_pb2.field)
        found |= {(field.name, _reason(rule.id)) for rule in rules.cel}
        within = (rules, rules.repeated.items, rules.map.keys, rules.map.values)
        if any(each.string.pattern for each in within):
            found.add((field.name, "STRING_PATTERN"))
    return found


def _wrong_values(field: FieldDescriptor) -> tuple[object, ...]:
    if field.message_type is None:
        return _WRONG.get(field.type, ())
    if field.message_type.GetOptions().map_entry:
        return _WRONG[FieldDescriptor.TYPE_STRING]
    if field.message_type is duration_pb2.Duration.DESCRIPTOR:
        return _WRONG_DURATIONS
    return _WRONG[FieldDescriptor.TYPE_MESSAGE]


def _rules(of: Descriptor | FieldDescriptor, extension: Any) -> Any:
    return of.GetOptions().Extensions[extension]


def _reason(rule_id: str) -> str:
    return rule_id.upper().replace(".", "_")
