"""Starts the simulator: `python -m linkedin_simulator` or `linkedin-simulator`."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable

import orjson
from aiohttp import web
from pydantic import ValidationError

from linkedin_simulator.app import LONGEST_LINE, build_app
from linkedin_simulator.settings import Settings

# How long answers under way may take when the simulator is told to stop; hung ones never end.
_DRAIN_SECONDS = 0.5


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; prints {"address":"host:port"} once it listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        build_app(settings),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_DRAIN_SECONDS,
        max_line_size=LONGEST_LINE,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        host, port = runner.addresses[0][:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        sys.stdout.write(orjson.dumps({"address": address}).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Run the simulator; exit status 0 after SIGTERM, 2 when it cannot start."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(Settings()))
    except (ValidationError, ValueError, OSError) as error:
        sys.stderr.write(f"linkedin-simulator: {error}\n")
        sys.exit(2)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
