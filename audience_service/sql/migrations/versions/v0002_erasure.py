"""Erased people: tombstones, and who has still to be erased in the enrichment service."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "tombstones",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("identifiers", sa.JSON(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "id"),
    )
    op.create_table(
        "erasure_keys",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
