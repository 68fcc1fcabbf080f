"""Reads ``filter`` and ``order_by`` of ListAudiences: a part of AIP-160 and of AIP-132."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, NoReturn

from audience_service.audience_query import AudienceField, AudienceQuery, Comparison, Operator
from servicekit.errors import ServiceError, invalid_argument
from servicekit.names import ResourceName

_STATES: Final = ("READY", "BUILDING", "DELETED")
TIMES: Final = (AudienceField.CREATE_TIME, AudienceField.UPDATE_TIME)
_ORDERS: Final = (AudienceField.NAME, AudienceField.DISPLAY_NAME, *TIMES)
_COMPARED: Final = "display_name, account, state, labels.KEY, create_time and update_time"
_ACCOUNT: Final = ResourceName("workspaces/{workspace}/accounts/{account}")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<operator><=|>=|!=|[<>=:])
      | (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<word>[^\s<>=:!"()]+)
      | (?P<other>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


class _End(NamedTuple):
    position: int


def parse_query(
    filter_text: str, order_by: str, *, workspace: str, show_deleted: bool
) -> AudienceQuery:
    """The query of a list. INVALID_ARGUMENT names field and character of the first mistake."""
    order, descending = _order(order_by)
    return AudienceQuery(
        conditions=tuple(_Filter(filter_text, workspace=workspace).conditions()),
        order=order,
        descending=descending,
        show_deleted=show_deleted,
    )


class _Filter:
    def __init__(self, text: str, *, workspace: str) -> None:
        self._workspace = workspace
        self._end = _End(len(text))
        self._tokens = _tokens(text)

    def conditions(self) -> Iterator[Comparison]:
        token = self._next()
        while isinstance(token, _Token):
            yield self._comparison(token)
            token = self._next()
            if isinstance(token, _Token):
                if (token.kind, token.text) != ("word", "AND"):
                    _refuse(token, "expected AND; comparisons can be joined in no other way")
                token = self._take("a comparison behind AND")

    def _comparison(self, name: _Token) -> Comparison:
        field, _, label = name.text.partition(".")
        known = [each for each in AudienceField if each is not AudienceField.NAME]
        if name.kind != "word" or field not in known:
            _refuse(name, f"expected a field; {_COMPARED} can be compared")
        found = AudienceField(field)
        sign = self._take("an operator")
        if sign.kind != "operator":
            _refuse(sign, "expected an operator such as =")
        value = self._take("a value")
        if value.kind not in ("word", "text"):
            _refuse(value, "expected a value; put it in double quotes")
        text = _unquoted(value)
        if found is AudienceField.LABEL:
            return _label_comparison(name, label, sign, value)
        if label:
            _refuse(name, f"{field} has no parts")
        if found in TIMES:
            operator = _operator(sign, allowed="< <= > >=")
            return Comparison(found, operator, _time(value, text))
        operator = _operator(sign, allowed="=")
        if found is AudienceField.STATE and text not in _STATES:
            _refuse(value, f"expected one of {', '.join(_STATES)}")
        if found is AudienceField.ACCOUNT:
            return Comparison(found, operator, self._account(value, text))
        if found is AudienceField.DISPLAY_NAME and text.endswith("*"):
            return Comparison(found, operator, text[:-1], prefix=True)
        return Comparison(found, operator, text)

    def _account(self, value: _Token, text: str) -> str:
        try:
            workspace, account = _ACCOUNT.parse(text)
        except ServiceError:
            workspace, account = "", ""
        if workspace != self._workspace:
            _refuse(value, f"expected workspaces/{self._workspace}/accounts/ACCOUNT")
        return account

    def _next(self) -> _Token | _End:
        return next(self._tokens, self._end)

    def _take(self, what: str) -> _Token:
        token = self._next()
        if isinstance(token, _End):
            _refuse(token, f"expected {what}")
        return token


def _label_comparison(name: _Token, label: str, sign: _Token, value: _Token) -> Comparison:
    """``labels.KEY = VALUE`` or ``labels:KEY``."""
    operator = _operator(sign, allowed="=" if label else ":")
    key, place = (label, name) if label else (_unquoted(value), value)
    if not _LABEL.fullmatch(key):
        _refuse(place, "expected the key of a label, such as labels.team")
    return Comparison(AudienceField.LABEL, operator, _unquoted(value) if label else "", label=key)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        yield _Token(kind, match.group(kind), match.start(kind))


def _operator(sign: _Token, *, allowed: str) -> Operator:
    if sign.text not in allowed.split():
        _refuse(sign, f"expected one of {allowed}" if " " in allowed else f"expected {allowed}")
    return Operator(sign.text)


def _unquoted(value: _Token) -> str:
    return re.sub(r"\\(.)", r"\1", value.text[1:-1]) if value.kind == "text" else value.text


def _time(value: _Token, text: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        _refuse(value, 'expected a time with its zone, such as "2026-03-01T00:00:00Z"')
    return (found - _EPOCH) // timedelta(milliseconds=1)


def _order(text: str) -> tuple[AudienceField, bool]:
    words = list(_tokens(text))
    if not words:
        return AudienceField.NAME, False
    if words[0].text not in _ORDERS:
        _refuse(words[0], f"expected one of {', '.join(_ORDERS)}", field="order_by")
    if len(words) > 1 and words[1].text != "desc":
        _refuse(words[1], "expected desc or nothing", field="order_by")
    if len(words) > 2:
        _refuse(words[2], "expected nothing more; one field gives the order", field="order_by")
    return AudienceField(words[0].text), len(words) == 2


def _refuse(place: _Token | _End, expected: str, *, field: str = "filter") -> NoReturn:
    raise invalid_argument(
        field,
        f"at character {place.position + 1}: {expected}",
        reason=f"{field.upper()}_INVALID",
    )
