"""Message templates: filling them for a preview, and finding who lacks what."""

from collections.abc import Sequence
from dataclasses import dataclass

from audience_service.audiences import require_audience
from audience_service.identity import canonical_url
from audience_service.member_records import Coverage
from audience_service.merge_tags import Rendering, Template, TemplateError, parse
from audience_service.model import Prospect
from audience_service.ports import Store, Transaction
from audience_service.prospects import require_prospects
from servicekit.errors import FieldViolation, ServiceError, invalid_fields


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
        self, workspace: str, text: str, prospects: Sequence[str]
    ) -> list[tuple[Prospect, Rendering]]:
        """Fill a template for prospects, in their order."""
        template = _parse(text)
        people = await self._store.read(lambda tx: require_prospects(tx, workspace, prospects))
        return [(each, template.render(tag_values(each))) for each in people]

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


def tag_values(prospect: Prospect) -> dict[str, str]:
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
        # Each account has its own, and a prospect by itself is nobody's member.
        "connectionDegree": "",
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
