"""An import knows the digest of its file."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Imports of before are known by their size only."""
    op.add_column("imports", sa.Column("sha256", sa.String(), nullable=False, server_default=""))
