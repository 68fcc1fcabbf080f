"""Between protobuf and the model: explanations."""

from enrichment.v1 import enrichments_pb2

from enrichment_service.convert import to_proto_pause, to_proto_time
from enrichment_service.explanations import Explanation


def to_proto_explanation(explanation: Explanation) -> enrichments_pb2.ExplainEnrichmentResponse:
    """An explanation as callers see it; what is not known stays absent."""
    wait = explanation.wait
    response = enrichments_pb2.ExplainEnrichmentResponse(
        attempts=explanation.attempts,
        pause=to_proto_pause(explanation.pause) if explanation.pause else None,
    )
    if explanation.state is not None:
        response.profile_state = enrichments_pb2.ProfileState.Value(
            f"PROFILE_STATE_{explanation.state}"
        )
    if wait.reason is not None:
        response.wait_reason = enrichments_pb2.WaitReason.Value(f"WAIT_REASON_{wait.reason}")
    for field, ms in (
        (response.next_tick_time, explanation.next_tick_ms),
        (response.retry_time, explanation.retry_ms),
        (response.since_time, wait.since_ms),
        (response.until_time, wait.until_ms),
    ):
        if ms is not None:
            field.CopyFrom(to_proto_time(ms))
    return response
