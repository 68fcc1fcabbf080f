"""People whom nobody may contact."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the list, and mark the prospects that are there as not on it."""
    op.create_table(
        "suppressions",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "alias"),
        sqlite_with_rowid=False,
    )
    op.add_column(
        "prospects",
        sa.Column("suppressed", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "prospects_suppressed",
        "prospects",
        ["workspace", "id"],
        sqlite_where=sa.text("suppressed"),
        postgresql_where=sa.text("suppressed"),
    )
