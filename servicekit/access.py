"""What a method asks of its caller: a scope, and the workspaces that the request names.

Each service has one table with a row for every method; a server without a row does not start.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message

from servicekit.callers import Caller
from servicekit.errors import Code, ServiceError
from servicekit.settings import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One row of an access table.

    Attributes:
        scope: what the caller must have; None asks for no more than a known caller.
        names: paths of fields that name the workspace, such as ``account.name``. Between them
            there must be a name, and each that is there must be of the caller's workspaces.
            Without any, the method belongs to no workspace.
        references: paths of further names, which may be left empty.
        open: for everybody, known or not.
    """

    scope: str | None = None
    names: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    open: bool = False


AccessTable = Mapping[str, Rule]
"""Rows by full method name, such as ``enrichment.v1.AccountService/GetAccount``."""

INTROSPECTION: Final[AccessTable] = {
    "grpc.health.v1.Health/Check": Rule(open=True),
    "grpc.health.v1.Health/List": Rule(open=True),
    "grpc.health.v1.Health/Watch": Rule(open=True),
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Rule(),
}


def check_complete(table: AccessTable, methods: Iterable[str]) -> None:
    """ConfigurationError when a method has no row: nobody would know who may call it."""
    missing = sorted(set(methods) - table.keys())
    if missing:
        raise ConfigurationError(f"No access rule for {', '.join(missing)}: add a row for each.")


def check_scope(rule: Rule, caller: Caller) -> None:
    """PERMISSION_DENIED, SCOPE_MISSING, when the caller lacks what the method needs."""
    if rule.scope is not None and not caller.may(rule.scope):
        raise ServiceError(
            code=Code.PERMISSION_DENIED,
            reason="SCOPE_MISSING",
            message=f"This method needs the scope {rule.scope}, which {caller.name} does not have. "
            "Ask whoever gives out your credentials for it.",
            metadata={"scope": rule.scope},
        )


def check_workspaces(
    rule: Rule, caller: Caller, message: Message, *, streamed: bool = False
) -> None:
    """PERMISSION_DENIED, WORKSPACE_DENIED, for a request beyond the caller's workspaces.

    Whether what it names exists makes no difference. Of the messages of a stream (``streamed``)
    some name nothing.
    """
    if caller.workspaces is None or not rule.names:
        return
    named = False
    for path in rule.names:
        for name in _values(message, path.split(".")):
            named = True
            if workspace_in(name) not in caller.workspaces:
                raise _denied(rule)
    for path in rule.references:
        for name in _values(message, path.split(".")):
            if name and workspace_in(name) not in caller.workspaces:
                raise _denied(rule)
    if not named and not streamed:
        raise _denied(rule)


def workspace_in(name: str) -> str:
    """The id in a resource name, ``workspaces/{workspace}`` and what follows; "" without one."""
    parts = name.split("/", 2)
    return parts[1] if parts[0] == "workspaces" and len(parts) > 1 else ""


def _values(message: Message, path: Sequence[str]) -> Iterator[str]:
    """The texts at a path; of a message that is not set there are none."""
    first, rest = path[0], path[1:]
    field = message.DESCRIPTOR.fields_by_name[first]
    if field.message_type is not None and not field.is_repeated and not message.HasField(first):
        return
    found = getattr(message, first)
    for value in found if field.is_repeated else (found,):
        if rest:
            yield from _values(value, rest)
        else:
            yield value


def _denied(rule: Rule) -> ServiceError:
    return ServiceError(
        code=Code.PERMISSION_DENIED,
        reason="WORKSPACE_DENIED",
        message="The request reaches beyond the workspaces that this caller may work in. Name only "
        f"those, in {' or '.join(rule.names)}, or ask whoever gives out your credentials for more.",
        metadata={"fields": ",".join((*rule.names, *rule.references))},
    )
