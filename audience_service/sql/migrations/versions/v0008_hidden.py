"""What a manual edit hides is kept, and comes back when the edit is cleared."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nothing is hidden yet: what earlier edits replaced comes back with the next view."""
    op.add_column(
        "prospects",
        sa.Column("hidden", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
    )
