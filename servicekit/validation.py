"""Request validation by the protovalidate rules in the .proto files, mapped to BadRequest."""

from collections.abc import Iterable

from google.protobuf.message import Message
from protovalidate import Validator, Violation

from servicekit.errors import FieldViolation, ServiceError, invalid_fields

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
                description=violation.proto.message or "is not valid",
                reason=violation.proto.rule_id.upper().replace(".", "_") or "INVALID",
            )
            for violation in violations
        ]
    )


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
