"""Processes of two versions work on one database: tables only grow, and newer ones are no error."""

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine.interfaces import ReflectedColumn

from audience_service.sql import migrate as module
from audience_service.sql.database import Database
from audience_service.sql.migrate import migrate

Tables = dict[str, dict[str, ReflectedColumn]]


async def test_no_migration_takes_away_what_the_version_before_uses(
    empty_database: Database,
) -> None:
    before: Tables = {}
    for version in _versions():
        await migrate(empty_database, to=version)
        async with empty_database.engine.connect() as connection:
            after = await connection.run_sync(_tables)
        for table, columns in before.items():
            assert table in after, f"{version} drops {table}"
            _only_grows(version, table, columns, after[table])
        before = after


async def test_a_process_of_the_version_before_starts_on_newer_tables(
    empty_database: Database,
) -> None:
    await migrate(empty_database)
    async with empty_database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'of_tomorrow'"))
    await migrate(empty_database)
    async with empty_database.engine.connect() as connection:
        revision = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert revision == "of_tomorrow"


def _only_grows(
    version: str,
    table: str,
    before: dict[str, ReflectedColumn],
    after: dict[str, ReflectedColumn],
) -> None:
    for name, column in before.items():
        assert name in after, f"{version} drops {table}.{name}"
        assert str(after[name]["type"]) == str(column["type"]), f"{version} changes {table}.{name}"
    for name in after.keys() - before.keys():
        # The version before writes rows without it.
        column = after[name]
        assert column["nullable"] or column["default"] is not None, (
            f"{version} adds {table}.{name}, which the version before does not write"
        )


def _tables(connection: Connection) -> Tables:
    inspector = inspect(connection)
    return {
        table: {column["name"]: column for column in inspector.get_columns(table)}
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


def _versions() -> list[str]:
    config = Config()
    config.set_main_option(
        "script_location", str(module.__file__).replace("migrate.py", "migrations")
    )
    scripts = ScriptDirectory.from_config(config)
    return [script.revision for script in scripts.walk_revisions()][::-1]
