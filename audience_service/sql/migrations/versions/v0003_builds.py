"""Audiences that are put together of others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table, and mark the audiences that are there as built."""
    op.add_column(
        "audiences",
        sa.Column("building", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "builds",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("operation", sa.SmallInteger(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "audience"],
            ["audiences.workspace", "audiences.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "audience"),
    )
