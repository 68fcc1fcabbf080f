"""What changes in audiences, for those who follow them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Number the changes of members, and keep who left; what was before is not told."""
    op.add_column(
        "memberships",
        sa.Column("change_seq", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    )
    op.create_index(
        "memberships_by_change",
        "memberships",
        ["workspace", "audience", "change_seq"],
        sqlite_where=sa.text("change_seq > 0"),
        postgresql_where=sa.text("change_seq > 0"),
    )
    op.create_table(
        "departures",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("prospect", sa.String(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=False),
        sa.Column("merged_into", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "seq"),
    )
