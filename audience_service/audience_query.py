"""Which audiences a list shows, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class AudienceField(StrEnum):
    """What audiences are compared and ordered by."""

    NAME = "name"
    DISPLAY_NAME = "display_name"
    ACCOUNT = "account"
    STATE = "state"
    LABEL = "labels"
    CREATE_TIME = "create_time"
    UPDATE_TIME = "update_time"


class Operator(StrEnum):
    """How a field is compared with a value."""

    EQUAL = "="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    HAS = ":"


class Comparison(NamedTuple):
    """One condition. Times are milliseconds since the epoch; ``label`` is the key of a label.

    ``prefix``: the field only has to begin with the value.
    """

    field: AudienceField
    operator: Operator
    value: str | int
    label: str = ""
    prefix: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceQuery:
    """Audiences for whom all ``conditions`` hold, by a field and then by id, in one direction."""

    conditions: Sequence[Comparison] = ()
    order: AudienceField = AudienceField.NAME
    descending: bool = False
    show_deleted: bool = False


class Place(NamedTuple):
    """Where an audience stands in an order; the value is blank in the order by name."""

    value: str | int
    id: str
