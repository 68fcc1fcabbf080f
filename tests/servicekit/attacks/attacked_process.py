"""The probe service in a process of its own, for attacks: `python -m … FOLDER_OF_THE_PROBE`."""

import importlib
import sys
from typing import Any

from pydantic_settings import SettingsConfigDict

from servicekit.logs import configure_logging
from servicekit.server import run, serve, start_server
from servicekit.settings import ServerSettings, load_settings
from tests.servicekit.probing import PROBE_ACCESS, Probe

_MESSAGE = "x" * 64_000


class AttackedSettings(ServerSettings):
    """The common settings under the prefix ATTACKED_."""

    model_config = SettingsConfigDict(env_prefix="ATTACKED_")


def main() -> None:
    """Ask answers, Listen never ends, Talk answers each message; until SIGTERM."""
    sys.path.insert(0, sys.argv[1])
    messages: Any = importlib.import_module("probe_pb2")
    stubs = importlib.import_module("probe_pb2_grpc")

    async def ask(request: Any, _context: Any) -> Any:
        return messages.AskResponse(text=request.text)

    async def listen(_request: Any, context: Any) -> None:
        while True:
            await context.write(messages.ListenResponse(text=_MESSAGE))

    async def talk(requests: Any, context: Any) -> None:
        async for request in requests:
            await context.write(messages.TalkResponse(text=request.text))

    probe = Probe(messages=messages, stubs=stubs, folder=None)
    settings = load_settings(AttackedSettings)
    configure_logging(service="attacked", level=settings.log_level, log_format="json")
    service = probe.service(Ask=ask, Listen=listen, Talk=talk)
    starting = start_server(services=[service], access=PROBE_ACCESS, settings=settings)
    run(serve("attacked", starting))


if __name__ == "__main__":
    main()
