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
_UNSEEN: Final = (
    "control characters such as U+0000 and marks that turn the direction of text "
    "(U+202A to U+202E, U+2066 to U+2069)"
)
_IN_WORDS: Final = {
    r"^[^\p{Cc}\x{2028}-\x{202E}\x{2066}-\x{2069}]*$": (
        f"must be one line, such as Founders in Berlin: take out line breaks, tabs, {_UNSEEN}"
    ),
    r"^([^\p{Cc}\x{202A}-\x{202E}\x{2066}-\x{2069}]|[\t\n\r])*$": (
        f"must be text with no more than line breaks and tabs in it: take out {_UNSEEN}"
    ),
    f"^{_CHOSEN_ID}$": "must be 1 to 63 lower-case letters, digits and inner hyphens",
    "^[A-Za-z0-9_-]{8,64}$": (
        "must be 8 to 64 letters, digits, hyphens and underscores, best a random UUID such as "
        "3f6a1c1e-9b1d-4c57-8a42-5d0e7b9c2f10"
    ),
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "must be a date in the form YYYY-MM-DD, such as 2026-03-31",
    "^[a-z][a-z0-9_-]{0,62}$": (
        "the key of a label must begin with a lower-case letter, and at most 62 lower-case "
        "letters, digits, hyphens and underscores may follow, such as cost-centre"
    ),
    r"^[^/\s?#]+$": (
        "must be an id alone, without blanks, slashes, ? and #: send what follows /in/ in a "
        "profile URL, such as ada-lovelace, or the provider's id"
    ),
    "^[A-Za-z0-9._~/-]*$": (
        "must hold nothing but letters without accents, digits and . _ ~ / -, such as "
        "prospects/7c9e6679"
    ),
    "^urn:li:adTargetingFacet:[A-Za-z]+$": (
        "must be the URN of a facet, such as urn:li:adTargetingFacet:locations"
    ),
    "^urn:li:[A-Za-z]+:.+$": "must be a URN of LinkedIn's, such as urn:li:geo:103644278",
}

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
    """What to send instead, in words and by example, never by a regular expression."""
    match violation.proto.rule_id, violation.rule_value:
        case "string.pattern", str(pattern) if pattern in _IN_WORDS:
            return _IN_WORDS[pattern]
        case "string.pattern", str(pattern) if _IDS_OF_A_NAME.search(pattern):
            return "must look like " + _IDS_OF_A_NAME.sub(r"\1s/{\1}", pattern).strip("^$")
        case "string.in", [*values]:
            return f"must be one of {', '.join(map(str, values))}"
        case (("string.min_len" | "bytes.min_len"), 1):
            return "must not be empty"
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
