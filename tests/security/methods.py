"""Every method of both services, as their descriptors list them, and requests made from those."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from buf.validate import validate_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from audience_service.access import ACCESS as AUDIENCE_ACCESS
from enrichment_service.access import ACCESS as ENRICHMENT_ACCESS
from servicekit.access import Rule

_MODULES = {
    "enrichment": (accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2),
    "audience": (audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2),
}
TABLES = {"enrichment": ENRICHMENT_ACCESS, "audience": AUDIENCE_ACCESS}


@dataclass(frozen=True)
class Method:
    """One method: which service has it, and its descriptor."""

    service: str
    descriptor: MethodDescriptor

    @property
    def name(self) -> str:
        """Such as `enrichment.v1.AccountService/GetAccount`."""
        return f"{self.descriptor.containing_service.full_name}/{self.descriptor.name}"

    @property
    def rule(self) -> Rule:
        """Its row."""
        return TABLES[self.service][self.name]

    def request(self, fill: Callable[[str], str]) -> Message:
        """A request whose fields of the row hold ``fill(path)``; others stay empty."""
        message = message_factory.GetMessageClass(self.descriptor.input_type)()
        for path in (*self.rule.names, *self.rule.references):
            _set(message, path, fill(path))
        return message


def all_methods() -> list[Method]:
    """Those of both services."""
    return [
        Method(service, method)
        for service, modules in _MODULES.items()
        for module in modules
        for each in module.DESCRIPTOR.services_by_name.values()
        for method in each.methods
    ]


def name_fields(message: Descriptor, prefix: str = "") -> Iterator[str]:
    """Paths of the fields that hold names within a workspace, by the rules in the contract."""
    for field in message.fields:
        path = f"{prefix}{field.name}"
        if field.type == FieldDescriptor.TYPE_STRING:
            if "workspaces/" in _pattern(field):
                yield path
        elif field.message_type is not None and field.message_type.file.package.endswith(".v1"):
            yield from name_fields(field.message_type, f"{path}.")


def _pattern(field: FieldDescriptor) -> str:
    rules: Any = field.GetOptions().Extensions[validate_pb2.field]
    return str((rules.repeated.items if field.is_repeated else rules).string.pattern)


def _set(message: Any, path: str, value: str) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        message = getattr(message, parent)
    if message.DESCRIPTOR.fields_by_name[last].is_repeated:
        getattr(message, last).append(value)
    elif value:
        setattr(message, last, value)
    else:
        # So that the message which the empty field is in is there.
        message.SetInParent()
