"""Message templates: filling them for a preview, and finding who lacks what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audience_service.audiences import require_audience
from audience_service.identity import canonical_url
from audience_service.member_records import Coverage
from audience_service.members import with_prospects
from audience_service.merge_tags import Rendering, Template, TemplateError, parse
from audience_service.model import Member, Prospect
from audience_service.ports import Store, Transaction
from audience_service.prospects import require_prospects
from servicekit.errors import FieldViolation, ServiceError, invalid_fields

_DEGREES: Final = {1: "1st", 2: "2nd", 3: "3rd"}

# Of members for a page: few may lack anything, and a page must not cost more in a larger audience.
_LOOK_AT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadyMember:
    """A member, and the tags that have neither a value nor a fallback."""

    member: Member
    missing: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagReadiness:
    """How many members have a value for a tag."""

    tag: str
    ready: int
    missing: int
    has_fallback: bool


class Messages:
    """Use cases of templates. A broken template is INVALID_ARGUMENT that names every place."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def render(
        self, workspace: str, text: str, prospects: Sequence[str], *, audience: str | None
    ) -> list[tuple[Prospect, Rendering]]:
        """Fill a template for prospects, in their order, as an audience's account sees them."""
        template = _parse(text)

        async def work(tx: Transaction) -> list[tuple[Prospect, int]]:
            people = await require_prospects(tx, workspace, prospects)
            if audience is None:
                return [(each, 0) for each in people]
            await require_audience(tx, workspace, audience)
            ids = [each.id for each in people]
            degrees = await tx.members.degrees(workspace, audience, ids)
            return [(each, degrees.get(each.id, 0)) for each in people]

        found = await self._store.read(work)
        return [
            (person, template.render(tag_values(person, degree=degree))) for person, degree in found
        ]

    async def readiness(
        self, workspace: str, audience: str, text: str
    ) -> tuple[list[TagReadiness], int]:
        """By tag who has a value, and for how many members the whole template can be filled."""
        template = _parse(text)

        async def work(tx: Transaction) -> Coverage:
            await require_audience(tx, workspace, audience)
            return await tx.members.coverage(
                workspace, audience, template.tags, required=template.required
            )

        found = await self._store.read(work)
        tags = [
            TagReadiness(
                tag=tag,
                ready=found.ready[tag],
                missing=found.members - found.ready[tag],
                has_fallback=tag not in template.required,
            )
            for tag in template.tags
        ]
        return tags, found.complete

    async def unready(
        self, workspace: str, audience: str, text: str, *, after: int, limit: int
    ) -> tuple[list[UnreadyMember], int | None]:
        """A page of those whom a template cannot be filled for, and behind which seq to go on."""
        template = _parse(text)

        async def work(tx: Transaction) -> tuple[list[Member], int | None]:
            await require_audience(tx, workspace, audience)
            page = await tx.members.unready(
                workspace,
                audience,
                template.required,
                after=after,
                look_at=_LOOK_AT,
                limit=limit,
            )
            return await with_prospects(tx, workspace, page.members), page.reached

        members, reached = await self._store.read(work)
        return [_lacking(each, template) for each in members], reached


def _lacking(member: Member, template: Template) -> UnreadyMember:
    values = tag_values(member.prospect, degree=member.membership.degree)
    return UnreadyMember(member=member, missing=template.render(values).missing)


def tag_values(prospect: Prospect, *, degree: int) -> dict[str, str]:
    """The values of merge tags for a person; blank where nothing is known."""
    fields = prospect.fields
    first, last = fields.get("first_name", ""), fields.get("last_name", "")
    return {
        "firstName": first,
        "lastName": last,
        "fullName": f"{first} {last}".strip(),
        "company": fields.get("company", ""),
        "headline": fields.get("headline", ""),
        "title": fields.get("title", ""),
        "location": fields.get("location", ""),
        "connectionDegree": _DEGREES.get(degree, ""),
        "profileUrl": canonical_url(prospect.primary_alias),
    }


def _parse(text: str) -> Template:
    try:
        return parse(text)
    except TemplateError as error:
        raise _invalid(error) from error


def _invalid(error: TemplateError) -> ServiceError:
    return invalid_fields(
        [
            FieldViolation(
                field="template",
                description=f"at character {each.position + 1}: {each.message.rstrip('.')}",
                reason=each.fault.value,
            )
            for each in error.problems
        ]
    )
