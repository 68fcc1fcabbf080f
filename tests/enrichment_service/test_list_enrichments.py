"""ListEnrichments: what GetEnrichment says, but for the forecast."""

from enrichment.v1 import enrichments_pb2 as pb

from tests.contract.comments import comment_of
from tests.enrichment_service.enrichment_calls import PARENT, calling
from tests.enrichment_service.outcome_stack import OutcomeStack


async def test_a_list_leaves_out_forecasts_and_its_documentation_says_so(
    stack: OutcomeStack,
) -> None:
    async with calling(stack) as calls:
        await stack.enrichments.set_paused("acme/leads", paused=True)
        await calls.submit("ada-lovelace", "grace-hopper")
        read = await calls.get()
        (listed,) = (
            await calls.stub.ListEnrichments(pb.ListEnrichmentsRequest(parent=PARENT))
        ).enrichments
    assert read.forecast.remaining_views == 2
    assert not listed.HasField("forecast")
    read.ClearField("forecast")
    assert listed == read
    comment = comment_of("enrichment/v1/enrichments.proto", "Forecast forecast = 8")
    assert "never in ListEnrichments" in comment
    assert "Ask GetEnrichment" in comment
