"""Replicas: who has taken over from whom, and waiting until one of them has what was written.

A primary's history has an id, which changes with every start. A promoted replica names the history
that it carries on; one that was merely started again names none. That tells a promotion, which may
have lost acknowledged writes, from an intact restart.
"""

import asyncio
from typing import NamedTuple

import structlog

from enrichment_service.store.connection import (
    NotReachedError,
    OutcomeUnknownError,
    ReplyError,
    StoreConnection,
)

_log = structlog.get_logger("store")

_WAIT_MS = 1_000
_NO_HISTORY = "0" * 40


class Replication(NamedTuple):
    """What a primary says of itself.

    Attributes:
        history: id of its history since it was started or promoted.
        promoted: it carries on the history of another primary.
        replicas: how many replicas are attached.
    """

    history: str
    promoted: bool
    replicas: int


async def look_at_replication(connection: StoreConnection) -> Replication:
    """What the node at the other end says; NotReachedError while it is a replica itself."""
    answer = await connection.call("INFO", "replication")
    assert isinstance(answer, bytes)
    fields = dict(line.split(":", 1) for line in answer.decode().splitlines() if ":" in line)
    if fields["role"] != "master":
        raise NotReachedError("the node is a replica")
    return Replication(
        history=fields["master_replid"],
        promoted=fields["master_replid2"] != _NO_HISTORY,
        replicas=int(fields["connected_slaves"]),
    )


class ReplicaGuard:
    """Waits until a replica has all that one connection has written; callers share a wait."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        self._waiting: list[asyncio.Future[bool]] = []
        self._task: asyncio.Task[None] | None = None
        self.behind = False
        """No replica kept up the last time that somebody asked."""

    async def keeps_up(self) -> bool:
        """Whether a replica has, within a second, all that was answered on the connection."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        # The server serves nothing else on the connection meanwhile; who comes then shares the
        # next wait.
        while self._waiting:
            waiting, self._waiting = self._waiting, []
            try:
                reached = await self._connection.call("WAIT", 1, _WAIT_MS)
            except (NotReachedError, OutcomeUnknownError, ReplyError) as error:
                _log.warning("replicas_unknown", error=type(error).__name__)
                reached = 0
            self.behind = not (isinstance(reached, int) and reached >= 1)
            for caller in waiting:
                if not caller.done():
                    caller.set_result(not self.behind)
        self._task = None
