"""Request validation by the protovalidate rules in the .proto files, mapped to BadRequest."""

import re
from collections.abc import Iterable
from typing import Final

from google.protobuf.message import Message
from protovalidate import Validator, Violation

from servicekit.errors import FieldViolation, ServiceError, invalid_fields

# How the rules of the .proto files write an id that callers choose, and a random one.
_CHOSEN_ID: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_RANDOM_ID: Final = "[a-z0-9]{8,32}"
_IDS_OF_A_NAME: Final = re.compile(
    rf"(\w+)s/({re.escape(_CHOSEN_ID)}|{re.escape(_RANDOM_ID)})", re.ASCII
)

# Rules are compiled once per message type and kept in here.
_validator = Validator()


def validate(message: Message) -> None:
    """Raise INVALID_ARGUMENT naming each field of ``message`` that breaks a rule."""
    violations = _validator.collect_violations(message)
    if violations:
        raise _to_error(violations)


def warm(message_types: Iterable[type[Message]]) -> None:
    """Compile the rules of these types now, so that no caller waits for it.

    protovalidate.CompilationError names a rule that cannot work: the process must not start.
    """
    for message_type in message_types:
        _validator.collect_violations(message_type())


def _to_error(violations: Iterable[Violation]) -> ServiceError:
    return invalid_fields(
        [
            FieldViolation(
                field=_path(violation),
                description=_description(violation),
                reason=violation.proto.rule_id.upper().replace(".", "_") or "INVALID",
            )
            for violation in violations
        ]
    )


def _description(violation: Violation) -> str:
    """What to send instead: names and ids are shown by example, not by their regular expression."""
    match violation.proto.rule_id, violation.rule_value:
        case "string.pattern", str(pattern) if pattern == f"^{_CHOSEN_ID}$":
            return "must be 1 to 63 lower-case letters, digits and inner hyphens"
        case "string.pattern", str(pattern) if _IDS_OF_A_NAME.search(pattern):
            return "must look like " + _IDS_OF_A_NAME.sub(r"\1s/{\1}", pattern).strip("^$")
        case "enum.not_in", _:
            return "must be given"
        case _:
            return violation.proto.message or "is not valid"


def _path(violation: Violation) -> str:
    """``profiles[3].identifier``; a text key of a map is not shown, it may be personal."""
    field = violation.proto.field
    parts: list[str] = []
    for element in field.elements if field else ():
        subscript = ""
        if element.subscript is not None:
            value = element.subscript.value
            subscript = "[...]" if isinstance(value, str) else f"[{value}]"
        parts.append(element.field_name + subscript)
    return ".".join(parts) or "request"
