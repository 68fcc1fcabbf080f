"""A server that has every method of the contract, and only writes down which ones are called."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2
from google.protobuf.message import Message

_FILES = (
    accounts_pb2,
    audience_counts_pb2,
    audiences_pb2,
    enrichments_pb2,
    events_pb2,
    prospects_pb2,
    suppressions_pb2,
    view_budgets_pb2,
)


def contract() -> set[str]:
    """Every method of both packages, as `AccountService/GetAccount`."""
    return {
        f"{service.name}/{method.name}"
        for file in _FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


@dataclass
class Recorder(grpc.GenericRpcHandler):
    """Answers unary methods with ``answers``, then with an empty message, and refuses streams.

    ``called`` is in order.
    """

    address: str = ""
    answers: list[Message] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Handle whatever is called."""
        method = str(details.method).rpartition(".")[2]
        self.called.append(method)
        if method.endswith(("/SubscribeEvents", "/StreamProspects", "/ImportProspects")):
            return grpc.stream_stream_rpc_method_handler(_refuse)
        answer = self.answers.pop(0).SerializeToString() if self.answers else b""
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer)


@contextmanager
def recording(*answers: Message) -> Generator[Recorder]:
    """A running recorder on a free port."""
    recorder = Recorder(answers=list(answers))
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, handlers=[recorder])
        recorder.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        try:
            yield recorder
        finally:
            server.stop(None).wait()


def _refuse(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, "only recorded")
