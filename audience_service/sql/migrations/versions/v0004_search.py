"""Prospects are found by the beginning of a field."""

import sqlalchemy as sa
from alembic import op

from audience_service.provenance import fold

revision = "0004"
down_revision = "0003"

_FIELDS = ("first_name", "last_name", "company", "headline", "location")
_PAGE = 5_000


def upgrade() -> None:
    """Add the folded columns with their indexes, and fill them."""
    kind = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    for name in _FIELDS:
        op.add_column(
            "prospects", sa.Column(f"{name}_folded", kind, nullable=False, server_default="")
        )
    _fill(op.get_bind())
    for name in _FIELDS:
        op.create_index(
            f"prospects_by_{name}",
            "prospects",
            ["workspace", f"{name}_folded", "id"],
            sqlite_where=sa.text(f"{name}_folded <> ''"),
            postgresql_where=sa.text(f"{name}_folded <> ''"),
        )


def _fill(connection: sa.Connection) -> None:
    table = sa.table(
        "prospects",
        sa.column("workspace"),
        sa.column("id"),
        *(sa.column(name) for name in _FIELDS),
        *(sa.column(f"{name}_folded") for name in _FIELDS),
    )
    key = sa.tuple_(table.c.workspace, table.c.id)
    after = ("", "")
    while True:
        rows = connection.execute(
            sa.select(table)
            .where(key > sa.tuple_(*map(sa.literal, after)))
            .order_by(table.c.workspace, table.c.id)
            .limit(_PAGE)
        ).all()
        if not rows:
            return
        connection.execute(
            sa.update(table)
            .where(
                table.c.workspace == sa.bindparam("key_workspace"),
                table.c.id == sa.bindparam("key_id"),
            )
            .values({f"{name}_folded": sa.bindparam(f"new_{name}") for name in _FIELDS}),
            [
                {"key_workspace": row.workspace, "key_id": row.id}
                | {f"new_{name}": fold(getattr(row, name)) for name in _FIELDS}
                for row in rows
            ],
        )
        after = (rows[-1].workspace, rows[-1].id)
