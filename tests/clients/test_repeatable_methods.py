"""Every method of the contract is known to be repeatable, or known not to be."""

from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from clients.channel import REPEATABLE_METHODS, REQUEST_ID_METHODS


def _unary_methods() -> list[MethodDescriptor]:
    files: list[FileDescriptor] = [
        module.DESCRIPTOR
        for module in (
            audience_counts_pb2,
            audiences_pb2,
            prospects_pb2,
            suppressions_pb2,
            accounts_pb2,
            enrichments_pb2,
            events_pb2,
            view_budgets_pb2,
        )
    ]
    return [
        method
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
        if not method.server_streaming and not method.client_streaming
    ]


def test_every_method_is_either_repeatable_or_known_not_to_be() -> None:
    """Deleting twice answers NOT_FOUND, undeleting twice ALREADY_EXISTS, an etag is used up, and
    failures since would be retried.
    """
    never = {
        "DeleteAccount",
        "DeleteAudience",
        "RetryFailedProfiles",
        "UndeleteAudience",
        "UpdateAccount",
        "UpdateAudience",
        "UpdateProspect",
    }
    assert {method.name for method in _unary_methods()} == REPEATABLE_METHODS | never
    assert not REPEATABLE_METHODS & never


def test_every_call_with_an_optional_request_id_gets_one() -> None:
    with_id = {
        method.name
        for method in _unary_methods()
        if "request_id" in method.input_type.fields_by_name
    }
    assert with_id - {"GetImportReceipt"} == REQUEST_ID_METHODS
