"""Between protobuf and the model: what an update changes."""

import re
from collections.abc import Callable, Collection
from typing import Final

from audience.v1 import audiences_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from audience_service.audiences import AudienceChanges
from audience_service.convert import from_proto_account
from servicekit.errors import invalid_argument

_AUDIENCE_TEXTS: Final = ("display_name", "description", "account")
_LABELS: Final = "labels"
_LABEL: Final = "labels."
_LABEL_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def from_proto_audience_changes(
    request: audiences_pb2.UpdateAudienceRequest, *, workspace: str
) -> AudienceChanges:
    """What a caller changes of an audience."""
    given = request.audience
    labels = [path for path in request.update_mask.paths if path.startswith(_LABEL)]
    names = changed_fields(
        request.update_mask,
        allowed=(*_AUDIENCE_TEXTS, _LABELS, *labels),
        is_set=lambda name: name not in labels and bool(getattr(given, name)),
    )
    texts: dict[str, str] = {
        name: getattr(given, name) for name in names if name in _AUDIENCE_TEXTS
    }
    if "account" in texts:
        texts["account"] = from_proto_account(given.account, workspace=workspace)
    keys = [path.removeprefix(_LABEL) for path in labels]
    if wrong := [f"{_LABEL}{key}" for key in keys if not _LABEL_KEY.fullmatch(key)]:
        raise invalid_argument(
            "update_mask",
            f"{', '.join(wrong)}: a label's key is 1 to 63 lower-case letters, digits, _ and -, "
            "and begins with a letter",
        )
    return AudienceChanges(
        texts=texts,
        labels=dict(given.labels) if _LABELS in names else None,
        changed_labels={key: given.labels.get(key) for key in keys},
    )


def changed_fields(
    mask: FieldMask, *, allowed: Collection[str], is_set: Callable[[str], bool]
) -> list[str]:
    """The fields to change: those of the mask (all for ``*``), without one those that are set."""
    if list(mask.paths) == ["*"]:
        return list(allowed)
    unknown = sorted(set(mask.paths) - set(allowed))
    if unknown:
        raise invalid_argument(
            "update_mask",
            f"{', '.join(unknown)} cannot be changed; {', '.join(allowed)} can",
        )
    return list(mask.paths) or [name for name in allowed if is_set(name)]
