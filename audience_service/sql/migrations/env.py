"""Runs migrations on the connection that ``audience_service.sql.migrate`` hands over."""

from alembic import context

from audience_service.sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
