"""Whether a PostgreSQL server is fit: what cannot work is refused, what may lose data is logged."""

from typing import Final

import structlog
from sqlalchemy import text

from audience_service.sql.database import Database
from servicekit.settings import ConfigurationError

_log = structlog.get_logger("database")

_LEAST_VERSION: Final = 150_000
# Off, a crash of the server loses what was acknowledged, or leaves the files broken.
_DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")


async def check_fitness(database: Database) -> None:
    """ConfigurationError when the server is too old, or keeps text in another encoding than UTF-8.

    An embedded database is set up by ourselves.
    """
    if database.engine.dialect.name != "postgresql":
        return
    names = ("server_version_num", "server_encoding", *_DURABILITY)
    async with database.engine.connect() as connection:
        found = {name: str(await connection.scalar(text(f"SHOW {name}"))) for name in names}
    if int(found["server_version_num"]) < _LEAST_VERSION:
        raise ConfigurationError(
            "AUDIENCE_DATABASE_URL: this PostgreSQL is too old. Use version 15 or later."
        )
    if found["server_encoding"] != "UTF8":
        raise ConfigurationError(
            f"AUDIENCE_DATABASE_URL: this database keeps text as {found['server_encoding']}. "
            "Create one with ENCODING 'UTF8'."
        )
    for name in _DURABILITY:
        if found[name] == "off":
            _log.warning("database_may_lose_data", setting=name, advice=f"set {name} to on")
