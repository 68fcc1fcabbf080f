"""Memberships are found by the person, or the profile, first: one index does the work of two."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_BY_PERSON = ["workspace", "prospect", "audience"]
_BY_PROFILE = ["workspace", "profile", "audience"]


def upgrade() -> None:
    """Writers of the version before wait until the index is there; they need no other name."""
    op.drop_index("memberships_by_prospect", "memberships")
    if op.get_bind().dialect.name == "sqlite":
        # SQLite cannot change a primary key: the table is written anew.
        with op.batch_alter_table("memberships", copy_from=_memberships(), recreate="always"):
            pass
        return
    op.drop_constraint("memberships_pkey", "memberships")
    op.create_primary_key("memberships_pkey", "memberships", _BY_PERSON)
    op.drop_index("memberships_by_profile", "memberships")
    op.create_index(
        "memberships_by_profile",
        "memberships",
        _BY_PROFILE,
        postgresql_where=sa.text("profile <> ''"),
    )


def _memberships() -> sa.Table:
    return sa.Table(
        "memberships",
        sa.MetaData(),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("prospect", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("degree", sa.SmallInteger(), nullable=False),
        sa.Column("join_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_import", sa.BigInteger(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("event_revision", sa.Integer(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint(*_BY_PERSON),
        sa.UniqueConstraint("workspace", "audience", "seq"),
        sa.ForeignKeyConstraint(["workspace", "audience"], ["audiences.workspace", "audiences.id"]),
        sa.ForeignKeyConstraint(["workspace", "prospect"], ["prospects.workspace", "prospects.id"]),
        sa.Index(
            "memberships_by_change",
            "workspace",
            "audience",
            "change_seq",
            sqlite_where=sa.text("change_seq > 0"),
        ),
        sa.Index(
            "memberships_by_profile",
            *_BY_PROFILE,
            sqlite_where=sa.text("profile <> ''"),
        ),
    )
