"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "audiences",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("enriched", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Integer(), nullable=False),
        sa.Column("partial", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("submitted_seq", sa.BigInteger(), nullable=False),
        sa.Column("enrichment_id", sa.String(), nullable=False),
        sa.Column("enrichment_wanted", sa.Boolean(), nullable=False),
        sa.Column("enrichment_created", sa.Boolean(), nullable=False),
        sa.Column("enrichment_paused", sa.Boolean(), nullable=False),
        sa.Column("pause_applied", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.Column("update_ms", sa.BigInteger(), nullable=False),
        sa.Column("delete_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "id"),
    )
    op.create_index(
        "audiences_by_enrichment", "audiences", ["workspace", "enrichment_id"], unique=False
    )
    op.create_table(
        "event_cursors",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("consumer"),
    )
    op.create_table(
        "prospects",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("primary_alias", sa.String(), nullable=False),
        sa.Column("member_id", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("headline", sa.String(), nullable=False),
        sa.Column("company", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("picture_url", sa.String(), nullable=False),
        sa.Column("picture_expire_ms", sa.BigInteger(), nullable=True),
        sa.Column("enrich_ms", sa.BigInteger(), nullable=True),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.Column("update_ms", sa.BigInteger(), nullable=False),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace", "merged_into"],
            ["prospects.workspace", "prospects.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "id"),
    )
    op.create_index(
        "prospects_by_merged_into",
        "prospects",
        ["workspace", "merged_into"],
        unique=False,
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_table(
        "request_ids",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("resource", sa.String(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "request_id"),
    )
    op.create_table(
        "workspaces",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace"),
    )
    op.create_table(
        "aliases",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("prospect", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "prospect"],
            ["prospects.workspace", "prospects.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "alias"),
        sqlite_with_rowid=False,
    )
    op.create_index("aliases_by_prospect", "aliases", ["workspace", "prospect"], unique=False)
    op.create_table(
        "imports",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("validate_only", sa.Boolean(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.SmallInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("applied_rows", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("already_there", sa.Integer(), nullable=False),
        sa.Column("merged", sa.Integer(), nullable=False),
        sa.Column("no_profile", sa.Integer(), nullable=False),
        sa.Column("suppressed", sa.Integer(), nullable=False),
        sa.Column("erased", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=False),
        sa.Column("refusal_message", sa.String(), nullable=False),
        sa.Column("create_ms", sa.BigInteger(), nullable=False),
        sa.Column("complete_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace", "audience"],
            ["audiences.workspace", "audiences.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "request_id"),
    )
    op.create_table(
        "memberships",
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
        sa.ForeignKeyConstraint(
            ["workspace", "audience"],
            ["audiences.workspace", "audiences.id"],
        ),
        sa.ForeignKeyConstraint(
            ["workspace", "prospect"],
            ["prospects.workspace", "prospects.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "audience", "prospect"),
        sa.UniqueConstraint("workspace", "audience", "seq"),
    )
    op.create_index(
        "memberships_by_profile",
        "memberships",
        ["workspace", "audience", "profile"],
        unique=False,
        sqlite_where=sa.text("profile <> ''"),
        postgresql_where=sa.text("profile <> ''"),
    )
    op.create_index(
        "memberships_by_prospect", "memberships", ["workspace", "prospect"], unique=False
    )
    op.create_table(
        "withdrawals",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("profile", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "audience"],
            ["audiences.workspace", "audiences.id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "audience", "profile"),
    )
    op.create_table(
        "import_batches",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("classes", sa.LargeBinary(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "request_id"],
            ["imports.workspace", "imports.request_id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "request_id", "first_row"),
    )
    op.create_table(
        "import_chunks",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "request_id"],
            ["imports.workspace", "imports.request_id"],
        ),
        sa.PrimaryKeyConstraint("workspace", "request_id", "position"),
    )
