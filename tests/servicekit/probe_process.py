"""A service process for the tests: ``python -m tests.servicekit.probe_process``."""

from pydantic_settings import SettingsConfigDict

from servicekit.logs import configure_logging
from servicekit.server import run, serve, start_server
from servicekit.settings import ServerSettings, load_settings


class ProbeSettings(ServerSettings):
    """The common settings under the prefix PROBE_."""

    model_config = SettingsConfigDict(env_prefix="PROBE_")


def main() -> None:
    """Serve nothing but health and reflection until SIGTERM."""
    settings = load_settings(ProbeSettings)
    configure_logging(service="probe", level=settings.log_level, log_format=settings.log_format)
    run(serve("probe", start_server(services=[], access={}, settings=settings)))


if __name__ == "__main__":
    main()
