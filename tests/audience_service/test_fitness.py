"""A PostgreSQL that cannot do what is promised is refused; one that may lose data is logged."""

import psycopg
import pytest
from structlog.testing import capture_logs

from audience_service.sql import fitness
from audience_service.sql.database import Database
from audience_service.sql.fitness import check_fitness
from servicekit.settings import ConfigurationError
from tests.support.postgres import Postgres, new_database


@pytest.fixture
async def server_database(postgres: Postgres) -> Database:
    """On the server of the tests, which runs with fsync off."""
    return Database(new_database(postgres))


async def test_what_may_lose_data_is_logged(server_database: Database) -> None:
    with capture_logs() as lines:
        await check_fitness(server_database)
    await server_database.close()
    assert [(line["event"], line["setting"]) for line in lines] == [
        ("database_may_lose_data", "fsync")
    ]


async def test_an_old_server_is_refused(
    server_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "_LEAST_VERSION", 990_000)
    with pytest.raises(ConfigurationError, match="version"):
        await check_fitness(server_database)
    await server_database.close()


async def test_another_encoding_is_refused(postgres: Postgres) -> None:
    url = new_database(postgres)
    with psycopg.connect(
        host="127.0.0.1", port=postgres.port, user="audience", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    database = Database(url.rpartition("/")[0] + "/latin")
    with pytest.raises(ConfigurationError, match="UTF8"):
        await check_fitness(database)
    await database.close()
