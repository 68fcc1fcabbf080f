"""Whether both services and this command have the same contract, as reflection tells."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from clients.audiencectl.doctor_findings import Finding, ok, problem, warning
from clients.errors import RpcFailed

_SECONDS: Final = 10.0
_NAMED: Final = 5

_LOCAL_FILES: Final = {
    "enrichment": (accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2),
    "audience": (audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2),
}


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Methods and fields by name, such as `AccountService/GetAccount` and `Account.strategy`."""

    parts: frozenset[str]

    def lacks(self, other: "Contract") -> list[str]:
        """What the other has and this one has not."""
        return sorted(other.parts - self.parts)


def local_contract(service: str) -> Contract:
    """What this command knows of "enrichment" or "audience"."""
    files = []
    for module in _LOCAL_FILES[service]:
        file = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    return _contract(files)


def service_names(service: str) -> list[str]:
    """Full names of the services that "enrichment" or "audience" has to answer."""
    return [
        each.full_name
        for module in _LOCAL_FILES[service]
        for each in module.DESCRIPTOR.services_by_name.values()
    ]


async def reflected_contract(channel: grpc.aio.Channel, names: Sequence[str]) -> Contract:
    """What a server says of these services; RpcFailed when it does not."""
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)

    async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        for name in names:
            yield reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)

    files: dict[str, FileDescriptorProto] = {}
    try:
        async for answer in stub.ServerReflectionInfo(requests(), timeout=_SECONDS):
            for each in answer.file_descriptor_response.file_descriptor_proto:
                file = FileDescriptorProto.FromString(each)
                files[file.name] = file
    except grpc.aio.AioRpcError as error:
        raise RpcFailed(error) from None
    wanted = {name.rpartition(".")[2] for name in names}
    return _contract(
        file for file in files.values() if wanted & {service.name for service in file.service}
    )


def compare(subject: str, *, server: Contract, ours: Contract, server_is: str) -> list[Finding]:
    """What the server lacks is a problem, what it has beyond ours is worth knowing."""
    findings = []
    if missing := server.lacks(ours):
        findings.append(
            problem(
                subject,
                f"{server_is} is older: it lacks {_named(missing)}",
                "Upgrade it, or use the version of audiencectl that belongs to it.",
            )
        )
    if unknown := ours.lacks(server):
        findings.append(
            warning(
                subject,
                f"{server_is} is newer: it also has {_named(unknown)}",
                "Upgrade audiencectl to reach all of it.",
            )
        )
    return findings or [ok(subject, f"methods and fields agree, {len(ours.parts):,} in all")]


def compare_services(*, held: Contract, served: Contract) -> Finding:
    """Whether the audience service calls the enrichment service by the contract that it serves."""
    subject = "contract between the services"
    missing = served.lacks(held)
    if not missing:
        return ok(subject, "the enrichment service has all that the audience service knows")
    return problem(
        subject,
        f"the enrichment service lacks {_named(missing)}, which the audience service knows",
        "Upgrade the enrichment service first, then the audience service.",
    )


def _contract(files: Iterable[FileDescriptorProto]) -> Contract:
    parts: set[str] = set()
    for file in files:
        for service in file.service:
            parts.update(f"{service.name}/{method.name}" for method in service.method)
        for message in file.message_type:
            parts.update(_fields(message, prefix=""))
    return Contract(parts=frozenset(parts))


def _fields(message: DescriptorProto, *, prefix: str) -> Iterable[str]:
    name = f"{prefix}{message.name}"
    yield from (f"{name}.{field.name}" for field in message.field)
    for nested in message.nested_type:
        yield from _fields(nested, prefix=f"{name}.")


def _named(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    return ", ".join(parts[:_NAMED]) + more
