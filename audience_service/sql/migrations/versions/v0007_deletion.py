"""Audiences have labels and several orders, and stay for a while when they are deleted."""

import sqlalchemy as sa
from alembic import op

from audience_service.provenance import fold

revision = "0007"
down_revision = "0006"

# As long as the service keeps deleted audiences unless it is told otherwise.
_KEPT_MS = 30 * 86_400_000


def upgrade() -> None:
    """Fill what is new; audiences that were deleted can come back until their time is over."""
    folded = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    for new in (
        sa.Column("purge_ms", sa.BigInteger()),
        sa.Column("ending", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("display_name_folded", folded, nullable=False, server_default=""),
        sa.Column("labels", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
    ):
        op.add_column("audiences", new)
    _fill(op.get_bind())
    for name, column in (
        ("account", "account"),
        ("display_name", "display_name_folded"),
        ("create_ms", "create_ms"),
        ("update_ms", "update_ms"),
    ):
        op.create_index(f"audiences_by_{name}", "audiences", ["workspace", column, "id"])
    op.create_index(
        "audiences_to_purge",
        "audiences",
        ["purge_ms"],
        sqlite_where=sa.text("purge_ms IS NOT NULL"),
        postgresql_where=sa.text("purge_ms IS NOT NULL"),
    )
    op.create_index("imports_by_audience", "imports", ["workspace", "audience"])
    op.create_table(
        "audience_labels",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "audience"],
            ["audiences.workspace", "audiences.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "key", "value", "audience"),
        sqlite_with_rowid=False,
    )
    op.create_index("audience_labels_by_audience", "audience_labels", ["workspace", "audience"])


def _fill(connection: sa.Connection) -> None:
    table = sa.table(
        "audiences", *map(sa.column, ("workspace", "id", "display_name", "display_name_folded"))
    )
    named = connection.execute(
        sa.select(table.c.workspace, table.c.id, table.c.display_name).where(
            table.c.display_name != ""
        )
    ).all()
    if named:
        connection.execute(
            sa.update(table)
            .where(
                table.c.workspace == sa.bindparam("key_workspace"),
                table.c.id == sa.bindparam("key_id"),
            )
            .values(display_name_folded=sa.bindparam("new_folded")),
            [
                {
                    "key_workspace": row.workspace,
                    "key_id": row.id,
                    "new_folded": fold(row.display_name),
                }
                for row in named
            ],
        )
    connection.execute(
        sa.text(
            "UPDATE audiences SET purge_ms = delete_ms + :kept_ms, ending = enrichment_wanted, "
            "submitted_seq = last_seq WHERE delete_ms IS NOT NULL"
        ),
        {"kept_ms": _KEPT_MS},
    )
