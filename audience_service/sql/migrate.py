"""Brings the tables up to date."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from audience_service.sql.database import Database
from servicekit.settings import ConfigurationError

# Any number that nobody else takes.
_LOCK = 4_803_217_650_912_340_117
_MIGRATIONS = Path(__file__).parent / "migrations"


async def migrate(database: Database, *, to: str = "head") -> None:
    """Run what is missing of the migrations, all or nothing; harmless when nothing is missing.

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
    command.upgrade(config, to)
