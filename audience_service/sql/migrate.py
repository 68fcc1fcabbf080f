"""Brings the tables up to date.

Migrations only add, so that processes of the version before go on beside those of this one: a new
column has a default of the server's, and nothing is renamed or dropped.
"""

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from audience_service.sql.database import Database
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("database")

# Any number that nobody else takes.
_LOCK = 4_803_217_650_912_340_117
_MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(database: Database, *, to: str = "head") -> None:
    """Run what is missing of the migrations, all or nothing; harmless when nothing is missing.

    A newer version's tables are left as they are: they have all that this version knows of.
    ConfigurationError when the database cannot be opened.
    """
    try:
        async with database.engine.connect() as connection:
            await connection.execution_options(audience_writes=True)
            async with connection.begin():
                if connection.dialect.name == "postgresql":
                    # Of several processes that start at once the others wait here.
                    await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                await connection.run_sync(_upgrade, to)
    except OperationalError as error:
        raise ConfigurationError(
            f"AUDIENCE_DATABASE_URL: the database cannot be opened ({error.orig}). Check that it "
            "runs, or for SQLite that its folder exists and can be written."
        ) from error


def _upgrade(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    newer = set(MigrationContext.configure(connection).get_current_heads()) - known
    if newer:
        _log.warning("tables_of_a_newer_version", revisions=sorted(newer))
        return
    command.upgrade(config, to)
