"""The tables of work that goes on by itself; as in ``schema``, keys begin with the workspace."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
)

from audience_service.sql.schema import metadata

# Audiences that are put together of others, until they are done.
builds = Table(
    "builds",
    metadata,
    Column("workspace", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("operation", SmallInteger, nullable=False),
    # ["audience"]
    Column("sources", JSON, nullable=False),
    Column("position", Integer, nullable=False),
    Column("after", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "audience"),
    ForeignKeyConstraint(["workspace", "audience"], ["audiences.workspace", "audiences.id"]),
)

# Profiles of members who left, until the enrichment service has been told.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("workspace", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("profile", String, nullable=False),
    PrimaryKeyConstraint("workspace", "audience", "profile"),
    ForeignKeyConstraint(["workspace", "audience"], ["audiences.workspace", "audiences.id"]),
)

imports = Table(
    "imports",
    metadata,
    Column("workspace", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("validate_only", Boolean, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("phase", SmallInteger, nullable=False),
    Column("received_bytes", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("applied_rows", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("already_there", Integer, nullable=False),
    Column("merged", Integer, nullable=False),
    Column("no_profile", Integer, nullable=False),
    Column("suppressed", Integer, nullable=False),
    Column("erased", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("format", String, nullable=False),
    Column("refusal", String, nullable=False),
    Column("refusal_message", String, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    Column("complete_ms", BigInteger),
    Column("sha256", String, nullable=False, server_default=""),
    PrimaryKeyConstraint("workspace", "request_id"),
    ForeignKeyConstraint(["workspace", "audience"], ["audiences.workspace", "audiences.id"]),
    Index("imports_by_audience", "workspace", "audience"),
)

# The file while it is taken in and applied; dropped afterwards.
import_chunks = Table(
    "import_chunks",
    metadata,
    Column("workspace", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("workspace", "request_id", "position"),
    ForeignKeyConstraint(["workspace", "request_id"], ["imports.workspace", "imports.request_id"]),
)

# What became of the rows, a batch a line: one byte a class, four bytes (little-endian) a number.
import_batches = Table(
    "import_batches",
    metadata,
    Column("workspace", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("first_row", Integer, nullable=False),
    Column("classes", LargeBinary, nullable=False),
    Column("numbers", LargeBinary, nullable=False),
    # {"index in the batch": "reason"} of rejected rows
    Column("reasons", JSON, nullable=False),
    PrimaryKeyConstraint("workspace", "request_id", "first_row"),
    ForeignKeyConstraint(["workspace", "request_id"], ["imports.workspace", "imports.request_id"]),
)

# Keyed hashes of the names of erased people, for good: they hold no name.
tombstones = Table(
    "tombstones",
    metadata,
    Column("workspace", String, nullable=False),
    Column("key", String, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "key"),
    sqlite_with_rowid=False,
)

# Erased people of whom the enrichment service has not been told yet.
erasures = Table(
    "erasures",
    metadata,
    Column("workspace", String, nullable=False),
    Column("id", String, nullable=False),
    # ["identifier"]
    Column("identifiers", JSON, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "id"),
)

# Which secret the tombstones were made with: one row, for all workspaces.
erasure_keys = Table(
    "erasure_keys",
    metadata,
    Column("fingerprint", String, primary_key=True),
)

# Request ids of creates, with what they created.
request_ids = Table(
    "request_ids",
    metadata,
    Column("workspace", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("create_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("workspace", "request_id"),
)

# Where the event log has been read to. It spans workspaces, so it belongs to none.
event_cursors = Table(
    "event_cursors",
    metadata,
    Column("consumer", String, primary_key=True),
    Column("cursor", String, nullable=False),
)
