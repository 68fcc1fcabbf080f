"""Edits by hand: masks, etags, and what comes back when they are cleared."""

from collections.abc import Awaitable

import grpc
import pytest
from audience.v1 import prospects_pb2
from enrichment.v1 import profiles_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from hypothesis import given
from hypothesis import strategies as st

from audience_service.model import FieldSource, Prospect, Provenance
from audience_service.provenance import edit_fields, merge_fields, write_fields
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from servicekit.clock import SteppedClock
from tests.audience_service.calls import PARENT, create, import_bytes, members, prospect
from tests.audience_service.conftest import Until
from tests.audience_service.enrichment_stub import EnrichmentStub
from tests.audience_service.submitted import ADA, ENRICHMENT, submitted

IMPORT = prospects_pb2.FIELD_SOURCE_IMPORT
ENRICHED = prospects_pb2.FIELD_SOURCE_ENRICHMENT
MANUAL = prospects_pb2.FIELD_SOURCE_MANUAL


async def edit(
    client: AudienceClient, name: str, *mask: str, etag: str = "", **values: str
) -> prospects_pb2.Prospect:
    """Edit a prospect; without a mask whatever is given."""
    given = prospects_pb2.Prospect(name=name, etag=etag)
    for field, value in values.items():
        setattr(given, field, value)
    answer = await client.prospects.UpdateProspect(
        prospects_pb2.UpdateProspectRequest(prospect=given, update_mask=FieldMask(paths=mask))
    )
    return answer.prospect


async def refusal(call: Awaitable[object]) -> RpcFailed:
    with pytest.raises(RpcFailed) as refused:
        await call
    return refused.value


def sources(person: prospects_pb2.Prospect) -> dict[str, tuple[int, int]]:
    """Source and time (ms) of each field."""
    return {
        each.field: (each.source, each.update_time.ToMilliseconds()) for each in person.provenance
    }


async def imported(client: AudienceClient) -> prospects_pb2.Prospect:
    """A person of a file."""
    file = b"url,first name,company\nlinkedin.com/in/ada-lovelace,Augusta,Engines\n"
    await import_bytes(client, file, audience=await create(client))
    [member] = await members(client, f"{PARENT}/audiences/leads")
    return member.prospect


async def test_a_mask_says_what_is_changed_and_an_etag_by_whom(client: AudienceClient) -> None:
    person = await imported(client)
    changed = await edit(client, person.name, "title", title="Countess", headline="!")
    assert (changed.title, changed.headline, changed.company) == ("Countess", "", "Engines")
    assert changed.etag != person.etag
    stale = await refusal(edit(client, person.name, etag=person.etag, title="Clerk"))
    assert (stale.code(), stale.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    # Without a mask: whatever is set, and a blank is not.
    changed = await edit(client, person.name, etag=changed.etag, headline="Hello", title="")
    assert (changed.title, changed.headline) == ("Countess", "Hello")
    changed = await edit(client, person.name, "*", headline="Hello")
    assert (changed.title, changed.headline, changed.company) == ("", "Hello", "")
    for output_only in ("profile_url", "provenance", "titles"):
        refused = await refusal(edit(client, person.name, output_only))
        assert [each.field for each in refused.field_violations] == ["update_mask"]
    too_long = await refusal(edit(client, person.name, "title", title="x" * 501))
    assert [each.field for each in too_long.field_violations] == ["prospect.title"]
    assert await prospect(client, person.name.rpartition("/")[2]) == changed
    nobody = await refusal(edit(client, f"{PARENT}/prospects/p0000000", title="x"))
    assert nobody.reason == "PROSPECT_NOT_FOUND"


async def test_every_field_tells_source_and_time(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until, clock: SteppedClock
) -> None:
    person = await imported(client)
    imported_ms = clock.now_ms()
    assert sources(person) == {
        "first_name": (IMPORT, imported_ms),
        "company": (IMPORT, imported_ms),
    }
    clock.advance_by(60_000)
    edited = await edit(client, person.name, company="Ours")
    assert sources(edited) == {
        "first_name": (IMPORT, imported_ms),
        "company": (MANUAL, imported_ms + 60_000),
    }
    cleared = await edit(client, person.name, "company")
    assert cleared.company == "Engines"
    assert sources(cleared) == sources(person)


async def test_what_an_edit_hid_comes_back_as_it_is_by_then(
    client: AudienceClient, enrichment: EnrichmentStub, until: Until, clock: SteppedClock
) -> None:
    [ada] = await submitted(client, enrichment, until, "linkedin.com/in/ada-lovelace")
    name = f"{PARENT}/prospects/{ada}"
    await edit(client, name, headline="A friend of ours", first_name="Ada A.")
    clock.advance_by(60_000)
    viewed = profiles_pb2.Profile()
    viewed.CopyFrom(ADA)
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=viewed)

    async def enriched() -> bool:
        return bool((await prospect(client, ada)).last_name)

    await until(enriched)
    person = await prospect(client, ada)
    assert (person.headline, person.first_name) == ("A friend of ours", "Ada A.")
    cleared = await edit(client, name, "headline")
    assert (cleared.headline, cleared.first_name) == (ADA.headline, "Ada A.")
    assert sources(cleared)["headline"] == sources(cleared)["last_name"]
    assert sources(cleared)["headline"][0] == ENRICHED
    # Enrichment writes the field again from now on.
    viewed.headline = "Countess"
    enrichment.emit(enrichment=ENRICHMENT, prospect=ada, data=viewed, revision=2)

    async def written() -> bool:
        return (await prospect(client, ada)).headline == "Countess"

    await until(written)
    assert (await prospect(client, ada)).first_name == "Ada A."


_VALUES = st.sampled_from(["", "a", "b", "c"])
_STEPS = st.lists(st.tuples(st.sampled_from(FieldSource), _VALUES), max_size=12)


def played(steps: list[tuple[FieldSource, str]], *, first_ms: int) -> Prospect:
    """A prospect after these steps."""
    person = Prospect(workspace="w", id="p", primary_alias="in:p", create_ms=0, update_ms=0)
    for now_ms, (source, value) in enumerate(steps, start=first_ms):
        if source is FieldSource.MANUAL:
            edit_fields(person, {"title": value}, now_ms=now_ms)
        else:
            write_fields(person, {"title": value}, source=source, now_ms=now_ms)
    return person


@given(_STEPS)
def test_without_its_edits_a_field_is_what_it_would_be_anyway(
    steps: list[tuple[FieldSource, str]],
) -> None:
    person = played(steps, first_ms=1)
    unedited = played([step for step in steps if step[0] is not FieldSource.MANUAL], first_ms=1)
    edits = [value for source, value in steps if source is FieldSource.MANUAL]
    edited = bool(edits and edits[-1])
    if edited:
        assert person.fields["title"] == edits[-1]
        edit_fields(person, {"title": ""}, now_ms=99)
    assert person.hidden == {}
    if not _was_emptied(steps):
        assert person.fields.get("title") == unedited.fields.get("title")
        kept = person.provenance.get("title")
        assert (kept.source if kept else None) == _source(unedited)


def _was_emptied(steps: list[tuple[FieldSource, str]]) -> bool:
    """Whether a blank met a field that was not edited."""
    edited = False
    for source, value in steps:
        if source is FieldSource.MANUAL:
            if not value and not edited:
                return True
            edited = bool(value)
    return False


def _source(person: Prospect) -> FieldSource | None:
    kept = person.provenance.get("title")
    return kept.source if kept else None


@given(_STEPS, _STEPS, st.booleans())
def test_a_merged_person_keeps_the_last_edit_and_the_best_of_what_it_hides(
    ours: list[tuple[FieldSource, str]], theirs: list[tuple[FieldSource, str]], later: bool
) -> None:
    survivor = played(ours, first_ms=1)
    other = played(theirs, first_ms=100 if later else 1)
    known: list[tuple[Provenance, str]] = []
    for each in (survivor, other):
        known += [(kept, each.fields[name]) for name, kept in each.provenance.items()]
        known += [(hidden.provenance, hidden.value) for hidden in each.hidden.values()]
    merge_fields(survivor, other)
    if not known:
        assert survivor.fields == {}
        return
    best = max(kept for kept, _ in known)
    assert survivor.provenance["title"] == best
    assert (best, survivor.fields["title"]) in known
    seen = [(kept, value) for kept, value in known if kept.source is not FieldSource.MANUAL]
    if best.source is FieldSource.MANUAL and seen:
        assert survivor.hidden["title"].provenance == max(seen)[0]
        assert (survivor.hidden["title"].provenance, survivor.hidden["title"].value) in seen
    else:
        assert survivor.hidden == {}
