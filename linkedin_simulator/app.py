"""Where the simulator is wired."""

import fcntl
import os
from pathlib import Path

from aiohttp import web

from linkedin_simulator.accounts import Accounts
from linkedin_simulator.audience_counts import AudienceCountApi
from linkedin_simulator.control import Control
from linkedin_simulator.faults import Faults
from linkedin_simulator.identity import Identities
from linkedin_simulator.journal import Journal
from linkedin_simulator.people import Population
from linkedin_simulator.profiles import ProfileApi
from linkedin_simulator.settings import Settings
from linkedin_simulator.views import ViewLog
from servicekit.clock import Clock, open_clock

# Request lines are read up to this length, so that a URL that is too long gets its 414.
LONGEST_LINE = 1 << 17


def build_app(settings: Settings) -> web.Application:
    """The application on the data folder of the settings, which nobody else may use meanwhile.

    Raises:
        ValueError: the folder is in use, a file in it is damaged, or there is no clock file.
    """
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder)
    clock = _open_clock(settings.clock_file)
    accounts = Accounts(path=folder / "accounts.json", any_account=settings.any_account)
    identities = Identities(folder / "people.jsonl")
    faults = Faults(folder / "faults.json")
    views = ViewLog(path=folder / "views.jsonl", clock=clock)
    count_calls = Journal(path=folder / "count_calls.jsonl")
    profiles = ProfileApi(
        api_key=settings.api_key.get_secret_value(),
        clock=clock,
        accounts=accounts,
        identities=identities,
        population=Population(
            null_share=settings.null_share,
            private_share=settings.private_share,
            picture_seconds=settings.picture_seconds,
        ),
        faults=faults,
        views=views,
    )
    control = Control(
        accounts=accounts,
        identities=identities,
        faults=faults,
        views=views,
        count_calls=count_calls,
    )
    counts = AudienceCountApi(
        clock=clock, newest_version=settings.newest_version, calls=count_calls
    )

    async def close(_: web.Application) -> None:
        for journal in (views, identities, count_calls):
            journal.close()
        os.close(lock)

    app = web.Application()
    app.add_routes(
        [
            web.get("/api/v1/users/{identifier}", profiles.get_profile),
            web.get("/api/v1/accounts/{account_id}", profiles.get_account),
            *(
                route(path, counts.get)
                for path in ("/rest/audienceCounts", "/v2/audienceCountsV2")
                for route in (web.get, web.post)
            ),
            *control.routes(),
        ]
    )
    app.on_cleanup.append(close)
    return app


def _open_clock(path: Path | None) -> Clock:
    try:
        return open_clock(path)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"SIMULATOR_CLOCK_FILE={path} cannot be mapped ({error}): start whatever owns the "
            "stepped clock first, or leave the setting out for real time"
        ) from error


def _lock(folder: Path) -> int:
    """Take the folder; the kernel gives it back when the process ends, however it ends."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ValueError(
            f"SIMULATOR_DATA_DIR={folder} is in use by another simulator: stop it or take another"
        ) from error
    return descriptor
