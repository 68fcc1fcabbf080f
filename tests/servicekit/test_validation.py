"""What a caller is told of a field that breaks a rule: what to send instead."""

import pytest
from audience.v1 import audiences_pb2
from enrichment.v1 import view_budgets_pb2
from google.protobuf.message import Message

from servicekit.errors import ServiceError
from servicekit.validation import validate

AUDIENCE = "workspaces/w/audiences/a"
ACCOUNT = "workspaces/w/accounts/a"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            audiences_pb2.GetAudienceRequest(name="Founders"),
            "name: must look like workspaces/{workspace}/audiences/{audience}.",
        ),
        (
            audiences_pb2.CreateAudienceRequest(parent="workspaces/w", audience_id="Founders"),
            "audience_id: must be 1 to 63 lower-case letters, digits and inner hyphens.",
        ),
        (
            audiences_pb2.RemoveProspectsRequest(audience=AUDIENCE, prospects=["ada"]),
            "prospects[0]: must look like workspaces/{workspace}/prospects/{prospect}.",
        ),
        (
            view_budgets_pb2.GetViewBudgetRequest(name=ACCOUNT),
            "name: must look like workspaces/{workspace}/accounts/{account}/viewBudget.",
        ),
        (
            view_budgets_pb2.ConsumeViewsRequest(account=ACCOUNT, count=1),
            "purpose: must be given.",
        ),
    ],
)
def test_a_broken_rule_says_what_to_send(message: Message, told: str) -> None:
    with pytest.raises(ServiceError) as caught:
        validate(message)
    assert caught.value.message.endswith(f": {told}")
