"""Prospects and their aliases."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from audience_service.model import (
    KEPT_FIELDS,
    SEARCHED_FIELDS,
    FieldSource,
    Hidden,
    Prospect,
    Provenance,
)
from audience_service.provenance import fold
from audience_service.sql.bulk import insert_rows
from audience_service.sql.dialect import LAST_CHARACTER, one_of
from audience_service.sql.schema import aliases, prospects

_FOLDED: Final = tuple((name, f"{name}_folded") for name in SEARCHED_FIELDS)


class SqlProspects:
    """``prospect_records.ProspectRecords`` within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get_many(self, workspace: str, ids: Iterable[str]) -> dict[str, Prospect]:
        found = await self._connection.execute(
            select(prospects).where(prospects.c.workspace == workspace, one_of(prospects.c.id, ids))
        )
        return {row.id: _prospect(row) for row in found}

    async def page(self, workspace: str, *, after: str, limit: int) -> list[Prospect]:
        found = await self._connection.execute(
            select(prospects)
            .where(
                prospects.c.workspace == workspace,
                prospects.c.id > after,
                prospects.c.merged_into.is_(None),
            )
            .order_by(prospects.c.id)
            .limit(limit)
        )
        return [_prospect(row) for row in found]

    async def search(
        self,
        workspace: str,
        *,
        field: str,
        prefix: str,
        after: tuple[str, str] | None,
        limit: int,
    ) -> list[Prospect]:
        column = prospects.c[f"{field}_folded"]
        query = (
            select(prospects)
            .where(
                prospects.c.workspace == workspace,
                # Spelt out, or the index that leaves out the blank ones is not used.
                column != "",
                column >= prefix,
                column < prefix + LAST_CHARACTER,
                prospects.c.merged_into.is_(None),
            )
            .order_by(column, prospects.c.id)
            .limit(limit)
        )
        if after is not None:
            value, prospect = after
            query = query.where(column >= value, or_(column > value, prospects.c.id > prospect))
        return [_prospect(row) for row in await self._connection.execute(query)]

    async def by_aliases(self, workspace: str, names: Iterable[str]) -> dict[str, str]:
        found = await self._connection.execute(
            select(aliases.c.alias, aliases.c.prospect).where(
                aliases.c.workspace == workspace, one_of(aliases.c.alias, names)
            )
        )
        return {row.alias: row.prospect for row in found}

    async def aliases_of(self, workspace: str, ids: Iterable[str]) -> dict[str, list[str]]:
        found = await self._connection.execute(
            select(aliases.c.prospect, aliases.c.alias)
            .where(aliases.c.workspace == workspace, one_of(aliases.c.prospect, ids))
            .order_by(aliases.c.alias)
        )
        grouped: dict[str, list[str]] = {}
        for row in found:
            grouped.setdefault(row.prospect, []).append(row.alias)
        return grouped

    async def insert(self, new: Sequence[Prospect]) -> None:
        await insert_rows(self._connection, prospects, [_values(each) for each in new])

    async def update(self, changed: Sequence[Prospect]) -> None:
        if not changed:
            return
        rows = [_values(each) for each in changed]
        for row in rows:
            row["key_workspace"] = row.pop("workspace")
            row["key_id"] = row.pop("id")
        await self._connection.execute(
            update(prospects).where(
                prospects.c.workspace == bindparam("key_workspace"),
                prospects.c.id == bindparam("key_id"),
            ),
            rows,
        )

    async def set_aliases(self, workspace: str, leads: Mapping[str, str]) -> None:
        if leads:
            await self._connection.execute(
                delete(aliases).where(
                    aliases.c.workspace == workspace, one_of(aliases.c.alias, leads)
                )
            )
            await self.add_aliases(workspace, leads)

    async def add_aliases(self, workspace: str, leads: Mapping[str, str]) -> None:
        await insert_rows(
            self._connection,
            aliases,
            [
                {"workspace": workspace, "alias": alias, "prospect": prospect}
                for alias, prospect in leads.items()
            ],
        )

    async def set_suppressed(self, workspace: str, ids: Iterable[str], *, to: bool) -> None:
        await self._connection.execute(
            update(prospects)
            .where(prospects.c.workspace == workspace, one_of(prospects.c.id, ids))
            .values(suppressed=to, revision=prospects.c.revision + 1)
        )

    async def suppressed_among(self, workspace: str, ids: Iterable[str]) -> set[str]:
        found = await self._connection.execute(
            select(prospects.c.id).where(
                prospects.c.workspace == workspace,
                prospects.c.suppressed,
                one_of(prospects.c.id, ids),
            )
        )
        return set(found.scalars())

    async def merged_into(self, workspace: str, ids: Iterable[str]) -> list[str]:
        found = await self._connection.execute(
            select(prospects.c.id).where(
                prospects.c.workspace == workspace, one_of(prospects.c.merged_into, ids)
            )
        )
        return list(found.scalars())

    async def delete(self, workspace: str, ids: Iterable[str]) -> None:
        gone = list(ids)
        for table, column in ((aliases, aliases.c.prospect), (prospects, prospects.c.id)):
            if gone:
                await self._connection.execute(
                    delete(table).where(table.c.workspace == workspace, one_of(column, gone))
                )

    async def redirect(self, workspace: str, *, merged: str, survivor: str) -> None:
        await self._connection.execute(
            update(aliases)
            .where(aliases.c.workspace == workspace, aliases.c.prospect == merged)
            .values(prospect=survivor)
        )
        # Redirections stay one step long.
        await self._connection.execute(
            update(prospects)
            .where(prospects.c.workspace == workspace, prospects.c.merged_into == merged)
            .values(merged_into=survivor)
        )


def _values(prospect: Prospect) -> dict[str, Any]:
    values: dict[str, Any] = {name: prospect.fields.get(name, "") for name in KEPT_FIELDS}
    for name, column in _FOLDED:
        value = values[name]
        values[column] = fold(value) if value else ""
    return values | {
        "workspace": prospect.workspace,
        "id": prospect.id,
        "primary_alias": prospect.primary_alias,
        "member_id": prospect.member_id,
        "provider_id": prospect.provider_id,
        "picture_expire_ms": prospect.picture_expire_ms,
        "enrich_ms": prospect.enrich_ms,
        "provenance": {
            name: [kept.source, kept.time_ms] for name, kept in prospect.provenance.items()
        },
        "hidden": {
            name: [value, kept.source, kept.time_ms]
            for name, (value, kept) in prospect.hidden.items()
        },
        "revision": prospect.revision,
        "create_ms": prospect.create_ms,
        "update_ms": prospect.update_ms,
        "merged_into": prospect.merged_into,
        "suppressed": prospect.suppressed,
    }


def _prospect(found: Row[Any]) -> Prospect:
    row = found._mapping
    return Prospect(
        workspace=row["workspace"],
        id=row["id"],
        primary_alias=row["primary_alias"],
        member_id=row["member_id"],
        provider_id=row["provider_id"],
        fields={name: row[name] for name in KEPT_FIELDS if row[name]},
        provenance={
            name: Provenance(FieldSource(source), time_ms)
            for name, (source, time_ms) in row["provenance"].items()
        },
        hidden={
            name: Hidden(value, Provenance(FieldSource(source), time_ms))
            for name, (value, source, time_ms) in row["hidden"].items()
        },
        picture_expire_ms=row["picture_expire_ms"],
        enrich_ms=row["enrich_ms"],
        create_ms=row["create_ms"],
        update_ms=row["update_ms"],
        revision=row["revision"],
        merged_into=row["merged_into"],
        suppressed=row["suppressed"],
    )
