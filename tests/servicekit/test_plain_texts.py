"""Texts that people read hold nothing that changes how the text around them is shown."""

from collections.abc import Iterator

import pytest
from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2
from google.protobuf.message import Message

from servicekit.errors import ServiceError
from servicekit.validation import validate

WORKSPACE = "workspaces/w"
BREAKS = "\t\n\r"
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in BREAKS]
DIRECTIONS = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
LINE_ENDS = [*BREAKS, "\u2028", "\u2029"]
KEPT = ["Zoë d’Été", "山田 太郎", "نور\u200f", "👩\u200d💻", "a\u00a0b", "[x] {y} (z) ^$|*+?"]


def lines(text: str) -> Iterator[tuple[str, Message]]:
    """Every field that holds one line, with ``text`` in it."""
    for path, audience in (
        ("audience.display_name", audiences_pb2.Audience(display_name=text)),
        ("audience.labels[...]", audiences_pb2.Audience(labels={"team": text})),
    ):
        yield path, audiences_pb2.CreateAudienceRequest(parent=WORKSPACE, audience=audience)
        yield path, audiences_pb2.UpdateAudienceRequest(audience=audience)
        yield (
            path,
            audiences_pb2.CombineAudiencesRequest(
                parent=WORKSPACE,
                audience=audience,
                operation=audiences_pb2.SET_OPERATION_UNION,
                sources=[f"{WORKSPACE}/audiences/a", f"{WORKSPACE}/audiences/b"],
            ),
        )
    for field in ("first_name", "last_name", "headline", "company", "title", "location"):
        prospect = prospects_pb2.Prospect()
        setattr(prospect, field, text)
        yield f"prospect.{field}", prospects_pb2.UpdateProspectRequest(prospect=prospect)
    account = accounts_pb2.Account(
        provider_account_id="x",
        strategy=accounts_pb2.ACCOUNT_STRATEGY_NEW,
        display_name=text,
    )
    yield (
        "account.display_name",
        accounts_pb2.ConnectAccountRequest(parent=WORKSPACE, account=account),
    )
    yield "account.display_name", accounts_pb2.UpdateAccountRequest(account=account)
    yield (
        "enrichment.display_name",
        enrichments_pb2.CreateEnrichmentRequest(
            parent=WORKSPACE,
            enrichment=enrichments_pb2.Enrichment(
                account=f"{WORKSPACE}/accounts/a", display_name=text
            ),
        ),
    )


def described(text: str) -> Message:
    """An audience with ``text`` as its description."""
    return audiences_pb2.CreateAudienceRequest(
        parent=WORKSPACE, audience=audiences_pb2.Audience(description=text)
    )


def refusal(message: Message) -> str:
    with pytest.raises(ServiceError) as caught:
        validate(message)
    (violation,) = caught.value.violations
    return f"{violation.field}: {violation.description}"


@pytest.mark.parametrize("character", [*CONTROLS, *DIRECTIONS, *LINE_ENDS], ids=ascii)
def test_what_changes_the_text_around_it_is_refused(character: str) -> None:
    for place in (f"a{character}b", f"ab{character}"):
        for field, message in lines(place):
            assert refusal(message).startswith(f"{field}: must be one line")
            assert "take out line breaks, tabs, control characters" in refusal(message)


@pytest.mark.parametrize("character", [*CONTROLS, *DIRECTIONS], ids=ascii)
def test_a_description_has_line_breaks_and_tabs_at_most(character: str) -> None:
    told = refusal(described(f"a\n{character}b"))
    assert told.startswith("audience.description: must be text")
    assert "take out control characters such as U+0000 and marks that turn" in told


@pytest.mark.parametrize("text", ["", *KEPT])
def test_every_script_is_welcome(text: str) -> None:
    for _, message in lines(text):
        validate(message)


@pytest.mark.parametrize("text", ["a\nb\n", "a\r\n\tb", "a\u2028b", *KEPT])
def test_a_description_may_have_lines(text: str) -> None:
    validate(described(text))
