"""The audience service in a process of its own, for tests that kill it."""

from tests.support.ready_process import ReadyProcess


class ServiceProcess(ReadyProcess):
    """The service on a database."""

    def __init__(self, database_url: str, **settings: str) -> None:
        """`settings` are variables without their prefix."""
        super().__init__(
            "audience_service",
            {
                "AUDIENCE_DATABASE_URL": database_url,
                "AUDIENCE_ENRICHMENT_ADDRESS": "127.0.0.1:1",
                "AUDIENCE_ERASURE_KEY": "a secret of the tests",
                **{f"AUDIENCE_{name.upper()}": value for name, value in settings.items()},
            },
        )
