"""Every rule of the contract tells in words what to send, never by a regular expression."""

import re

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from servicekit.errors import FieldViolation, ServiceError
from servicekit.validation import validate
from tests.servicekit.wrong_values import rules_in_need_of_words, sent_messages, wrong_messages

# What stands in regular expressions, in CEL, and in protovalidate's own words for either.
_SYNTAX = re.compile(r"[\[\]\\^$|*+{}]|\(\?|regex|pattern|this\.")
# A part of a name, such as {workspace}, and a character, such as U+0000.
_PLACEHOLDER = re.compile(r"\{[A-Za-z]+\}|U\+[0-9A-F]{4}")


@pytest.mark.parametrize("kind", sent_messages(), ids=lambda kind: str(kind.full_name))
def test_no_refusal_shows_a_regular_expression(kind: Descriptor) -> None:
    refusals = [each for message in wrong_messages(kind) for each in _refusals(message)]
    assert rules_in_need_of_words(kind) <= {
        (re.split(r"[.\[]", each.field)[0], each.reason) for each in refusals
    }
    shown = {f"{each.field}: {each.description}" for each in refusals if _shows_syntax(each)}
    assert not shown


def _refusals(message: Message) -> list[FieldViolation]:
    try:
        validate(message)
    except ServiceError as refused:
        return refused.violations
    return []


def _shows_syntax(refusal: FieldViolation) -> bool:
    return bool(_SYNTAX.search(_PLACEHOLDER.sub("", refusal.description)))
