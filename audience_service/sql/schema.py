"""The tables. Every primary and foreign key begins with the workspace.

Times are milliseconds since the epoch. A change here needs a new version in ``migrations``.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from audience_service.model import SEARCHED_FIELDS

metadata = MetaData()

# Sorted by code points, or PostgreSQL could not find prefixes by an index.
folded = String().with_variant(String(collation="C"), "postgresql")

# The counter behind membership.seq and the numbers of imports, moved under the writers' lock.
workspaces = Table(
    "workspaces",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
)

audiences = Table(
    "audiences",
    metadata,
    Column("workspace", String, nullable=False),
    Column("id", String, nullable=False),
    Column("display_name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("account", String, nullable=False),
    Column("members", Integer, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("enriched", Integer, nullable=False),
    Column("cached", Integer, nullable=False),
    Column("partial", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("submitted_seq", BigInteger, nullable=False),
    Column("enrichment_id", String, nullable=False),
    Column("enrichment_wanted", Boolean, nullable=False),
    Column("enrichment_created", Boolean, nullable=False),
    Column("enrichment_paused", Boolean, nullable=False),
    Column("pause_applied", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    Column("update_ms", BigInteger, nullable=False),
    Column("delete_ms", BigInteger),
    Column("building", Boolean, nullable=False, server_default=false()),
    Column("purge_ms", BigInteger),
    Column("ending", Boolean, nullable=False, server_default=false()),
    # As ``provenance.fold`` spells it.
    Column("display_name_folded", folded, nullable=False, server_default=""),
    # {"key": "value"}; ``audience_labels`` is their index.
    Column("labels", JSON, nullable=False, server_default=text("'{}'")),
    PrimaryKeyConstraint("workspace", "id"),
    Index("audiences_by_enrichment", "workspace", "enrichment_id"),
    Index("audiences_by_account", "workspace", "account", "id"),
    Index("audiences_by_display_name", "workspace", "display_name_folded", "id"),
    Index("audiences_by_create_ms", "workspace", "create_ms", "id"),
    Index("audiences_by_update_ms", "workspace", "update_ms", "id"),
    Index(
        "audiences_to_purge",
        "purge_ms",
        sqlite_where=text("purge_ms IS NOT NULL"),
        postgresql_where=text("purge_ms IS NOT NULL"),
    ),
)

audience_labels = Table(
    "audience_labels",
    metadata,
    Column("workspace", String, nullable=False),
    Column("key", String, nullable=False),
    Column("value", String, nullable=False),
    Column("audience", String, nullable=False),
    PrimaryKeyConstraint("workspace", "key", "value", "audience"),
    ForeignKeyConstraint(["workspace", "audience"], ["audiences.workspace", "audiences.id"]),
    Index("audience_labels_by_audience", "workspace", "audience"),
    sqlite_with_rowid=False,
)

prospects = Table(
    "prospects",
    metadata,
    Column("workspace", String, nullable=False),
    Column("id", String, nullable=False),
    Column("primary_alias", String, nullable=False),
    Column("member_id", String, nullable=False),
    Column("provider_id", String, nullable=False),
    Column("first_name", String, nullable=False),
    Column("last_name", String, nullable=False),
    Column("headline", String, nullable=False),
    Column("company", String, nullable=False),
    Column("title", String, nullable=False),
    Column("location", String, nullable=False),
    Column("picture_url", String, nullable=False),
    Column("picture_expire_ms", BigInteger),
    Column("enrich_ms", BigInteger),
    # {"field": [source, time_ms]}
    Column("provenance", JSON, nullable=False),
    # {"field": ["value", source, time_ms]}
    Column("hidden", JSON, nullable=False, server_default=text("'{}'")),
    Column("revision", Integer, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    Column("update_ms", BigInteger, nullable=False),
    Column("merged_into", String),
    Column("suppressed", Boolean, nullable=False, server_default=false()),
    # What ListProspects searches, as ``provenance.fold`` spells it.
    *(
        Column(f"{name}_folded", folded, nullable=False, server_default="")
        for name in SEARCHED_FIELDS
    ),
    PrimaryKeyConstraint("workspace", "id"),
    ForeignKeyConstraint(["workspace", "merged_into"], ["prospects.workspace", "prospects.id"]),
    Index(
        "prospects_by_merged_into",
        "workspace",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
    Index(
        "prospects_suppressed",
        "workspace",
        "id",
        sqlite_where=text("suppressed"),
        postgresql_where=text("suppressed"),
    ),
    *(
        Index(
            f"prospects_by_{name}",
            "workspace",
            f"{name}_folded",
            "id",
            sqlite_where=text(f"{name}_folded <> ''"),
            postgresql_where=text(f"{name}_folded <> ''"),
        )
        for name in SEARCHED_FIELDS
    ),
)

aliases = Table(
    "aliases",
    metadata,
    Column("workspace", String, nullable=False),
    Column("alias", String, nullable=False),
    Column("prospect", String, nullable=False),
    PrimaryKeyConstraint("workspace", "alias"),
    ForeignKeyConstraint(["workspace", "prospect"], ["prospects.workspace", "prospects.id"]),
    Index("aliases_by_prospect", "workspace", "prospect"),
    sqlite_with_rowid=False,
)

memberships = Table(
    "memberships",
    metadata,
    Column("workspace", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("prospect", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("degree", SmallInteger, nullable=False),
    Column("join_ms", BigInteger, nullable=False),
    # Number of the import that met it last: tells "merged" from "already there".
    Column("last_import", BigInteger, nullable=False),
    Column("profile", String, nullable=False),
    Column("event_revision", Integer, nullable=False),
    Column("change_seq", BigInteger, nullable=False, server_default=text("0")),
    # The person first: who is asked for by person, in one audience or in all, finds it by this one.
    PrimaryKeyConstraint("workspace", "prospect", "audience"),
    UniqueConstraint("workspace", "audience", "seq"),
    ForeignKeyConstraint(["workspace", "audience"], ["audiences.workspace", "audiences.id"]),
    ForeignKeyConstraint(["workspace", "prospect"], ["prospects.workspace", "prospects.id"]),
    Index(
        "memberships_by_change",
        "workspace",
        "audience",
        "change_seq",
        sqlite_where=text("change_seq > 0"),
        postgresql_where=text("change_seq > 0"),
    ),
    Index(
        "memberships_by_profile",
        "workspace",
        "profile",
        "audience",
        sqlite_where=text("profile <> ''"),
        postgresql_where=text("profile <> ''"),
    ),
)

# Ids of people whom nobody may contact. Of a prospect all of them are here.
suppressions = Table(
    "suppressions",
    metadata,
    Column("workspace", String, nullable=False),
    Column("alias", String, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "alias"),
    sqlite_with_rowid=False,
)

# Memberships that ended, for those who follow an audience, numbered among the seqs of members.
departures = Table(
    "departures",
    metadata,
    Column("workspace", String, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("audience", String, nullable=False),
    Column("prospect", String, nullable=False),
    Column("reason", SmallInteger, nullable=False),
    Column("merged_into", String, nullable=False),
    PrimaryKeyConstraint("workspace", "seq"),
)
