"""A small campaign engine: what a consumer of the two services looks like, whole.

    python -m clients.campaign_engine --audience workspaces/demo/audiences/connections \\
        --audience workspaces/demo/audiences/sales-leads --template 'Hi {{firstName|there}}!'

It enrols the members of all audiences at once, enriched or not, and follows the event log. As soon
as somebody's enrichment has come to an end it views their profile (a View Profile step, from the
budget that enrichment uses too) and sends them a personalised message: here it prints a line.

It never sends twice. What it is about to do is written down first, in a file of its own: what it
has heard in one transaction with the cursor behind it, and of each person

    enrolled -> viewed -> sending -> sent          (or same_person: somebody else's second profile)

Killed anywhere, it goes on from there. A view is asked for again under the same request id, which
charges it once. A message that was on its way when the engine died stays `sending`: nobody can
tell whether it went out, and a person decides.
"""

import argparse
import asyncio
import re
import sqlite3
from contextlib import aclosing
from pathlib import Path
from typing import Final

from audience.v1 import audiences_pb2, prospects_pb2
from enrichment.v1 import events_pb2, view_budgets_pb2

from clients.audience import AudienceClient
from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient
from clients.errors import RpcFailed, SnapshotNeeded
from clients.subscription import stream_prospects, subscribe

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS people (
    prospect TEXT PRIMARY KEY, account TEXT NOT NULL, state TEXT NOT NULL, person TEXT UNIQUE
);
CREATE TABLE IF NOT EXISTS heard (prospect TEXT PRIMARY KEY, known INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS cursors (stream TEXT PRIMARY KEY, cursor TEXT NOT NULL);
"""
# Ends of an enrichment, and whether they come with the person's data.
_ENDS: Final = {
    events_pb2.EVENT_TYPE_PROFILE_ENRICHED: True,
    events_pb2.EVENT_TYPE_PROFILE_CACHED: True,
    events_pb2.EVENT_TYPE_PROFILE_PARTIAL: False,
    events_pb2.EVENT_TYPE_PROFILE_FAILED: False,
}
_AT_ONCE: Final = 50
_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 60.0


class Book:
    """What the engine has heard and decided. Each method is one transaction."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(_SCHEMA)

    def cursor(self, stream: str) -> str:
        found = self._db.execute("SELECT cursor FROM cursors WHERE stream = ?", (stream,))
        row = found.fetchone()
        return str(row[0]) if row else ""

    def enrol(self, people: list[tuple[str, str]], *, cursor: str) -> None:
        """(prospect, account) each; whoever is enrolled already stays where they are."""
        with self._db:
            self._db.executemany(
                "INSERT INTO people VALUES (?, ?, 'enrolled', NULL) ON CONFLICT DO NOTHING", people
            )
            self._keep("members", cursor)

    def hear(self, news: list[tuple[str, bool]], *, cursor: str) -> None:
        """(prospect, whether their data is known) each, enrolled or not."""
        with self._db:
            self._db.executemany("INSERT OR REPLACE INTO heard VALUES (?, ?)", news)
            self._keep("events", cursor)

    def start_over(self) -> None:
        """Hear of everybody again."""
        with self._db:
            self._keep("events", "")

    def move(self, prospect: str, state: str, *, person: str | None = None) -> None:
        """IntegrityError when a message to this person was begun under another profile."""
        with self._db:
            self._db.execute(
                "UPDATE people SET state = ?, person = coalesce(?, person) WHERE prospect = ?",
                (state, person, prospect),
            )

    def next_steps(self) -> list[tuple[str, str, str, bool]]:
        """(prospect, account, state, known) of some who can go on."""
        return self._db.execute(
            "SELECT prospect, account, state, known FROM people JOIN heard USING (prospect) "
            "WHERE state IN ('enrolled', 'viewed') ORDER BY random() LIMIT ?",
            (_AT_ONCE,),
        ).fetchall()

    def counts(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT state, count(*) FROM people GROUP BY state"))

    def _keep(self, stream: str, cursor: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?)", (stream, cursor))


class CampaignEngine:
    """One campaign over several audiences of one workspace."""

    def __init__(
        self,
        *,
        book: Book,
        audiences: AudienceClient,
        enrichment: EnrichmentClient,
        names: list[str],
        template: str,
        campaign: str,
    ) -> None:
        self._book = book
        self._audiences = audiences
        self._enrichment = enrichment
        self._names = names
        self._template = template
        self._campaign = campaign
        self._parent = "/".join(names[0].split("/")[:2])

    async def run(self, *, until_done: bool = False) -> None:
        """Enrol, follow and send side by side; `until_done` ends when nobody is left to send to."""
        followers = [asyncio.create_task(each()) for each in (self._enrol, self._follow)]
        try:
            while not (until_done and self._is_done()):
                for follower in followers:
                    if follower.done():
                        follower.result()
                for prospect, account, state, known in self._book.next_steps():
                    await self._advance(prospect, account, state, known=known)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            for follower in followers:
                follower.cancel()
            await asyncio.gather(*followers, return_exceptions=True)

    def _is_done(self) -> bool:
        counts = self._book.counts()
        return bool(counts) and counts.keys().isdisjoint(("enrolled", "viewed"))

    async def _enrol(self) -> None:
        """Everybody who is a member, and from time to time whoever has joined since."""
        accounts = {}
        for name in self._names:
            wanted = audiences_pb2.GetAudienceRequest(name=name)
            accounts[name] = (await self._audiences.audiences.GetAudience(wanted)).audience.account
        request = audiences_pb2.StreamProspectsRequest(audiences=self._names)
        while True:
            stream = stream_prospects(
                self._audiences.audiences, request, cursor=self._book.cursor("members")
            )
            async with aclosing(stream) as messages:
                async for message in messages:
                    people = [
                        (each.prospect.name, accounts[each.audience]) for each in message.members
                    ]
                    self._book.enrol(people, cursor=message.cursor)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _follow(self) -> None:
        """Whose enrichment has come to an end: from a snapshot at first, then as it happens."""
        request = events_pb2.SubscribeEventsRequest(
            filter=events_pb2.EventFilter(workspaces=[self._parent], types=list(_ENDS)),
            view=events_pb2.EVENT_VIEW_BASIC,
            start_position=events_pb2.START_POSITION_SNAPSHOT,
        )
        while True:
            stream = subscribe(self._enrichment.events, request, cursor=self._book.cursor("events"))
            try:
                async with aclosing(stream) as messages:
                    async for message in messages:
                        # The audience service submits its members as `prospects/{prospect}`.
                        news = [
                            (f"{self._parent}/{event.reference}", _ENDS[event.type])
                            for event in message.batch.events
                            if event.type != events_pb2.EVENT_TYPE_PROFILE_PARTIAL or event.final
                        ]
                        self._book.hear(news, cursor=message.cursor)
            except SnapshotNeeded:
                self._book.start_over()

    async def _advance(self, prospect: str, account: str, state: str, *, known: bool) -> None:
        if state == "enrolled":
            if not await self._view(prospect, account):
                return
            self._book.move(prospect, "viewed")
        request = prospects_pb2.GetProspectRequest(name=prospect)
        person = (await self._audiences.prospects.GetProspect(request)).prospect
        if known and not person.HasField("enrich_time"):
            # The audience service has not heard of it yet.
            return
        text = await self._render(prospect)
        try:
            self._book.move(prospect, "sending", person=person.provider_id or person.name)
        except sqlite3.IntegrityError:
            self._book.move(prospect, "same_person")
            return
        print(f"{prospect}: {text}", flush=True)
        self._book.move(prospect, "sent")

    async def _view(self, prospect: str, account: str) -> bool:
        """The View Profile step, if the account has a view left today."""
        request = view_budgets_pb2.ConsumeViewsRequest(
            account=account,
            purpose=view_budgets_pb2.VIEW_PURPOSE_CAMPAIGN_STEP,
            count=1,
            request_id=f"{self._campaign}-{prospect.rpartition('/')[2]}",
        )
        try:
            await self._enrichment.view_budgets.ConsumeViews(request)
        except RpcFailed as error:
            if error.reason != "VIEW_BUDGET_EXHAUSTED":
                raise
            wait = error.retry_after.total_seconds() if error.retry_after else _PAUSE_SECONDS
            await asyncio.sleep(min(wait, _LONGEST_PAUSE_SECONDS))
            return False
        return True

    async def _render(self, prospect: str) -> str:
        # What is not known by now stays blank.
        template = re.sub(r"\{\{([^{}|]*)\}\}", r"{{\1|}}", self._template)
        request = audiences_pb2.RenderMessagesRequest(
            parent=self._parent, template=template, prospects=[prospect]
        )
        [message] = (await self._audiences.audiences.RenderMessages(request)).messages
        return message.text


async def _main() -> None:
    parser = argparse.ArgumentParser(description="Send a message to every member of audiences.")
    parser.add_argument("--audience", action="append", required=True, dest="names")
    parser.add_argument("--template", required=True)
    parser.add_argument("--campaign", default="campaign", help="names the View Profile steps")
    parser.add_argument("--book", default="campaign.db", help="the engine's own file")
    parser.add_argument("--audience-address", default="127.0.0.1:50051")
    parser.add_argument("--enrichment-address", default="127.0.0.1:50052")
    for file in ("ca", "cert", "key", "token"):
        parser.add_argument(f"--{file}-file", type=Path, help="for services that ask who calls")
    parser.add_argument("--until-done", action="store_true")
    options = parser.parse_args()
    credentials = Credentials(
        ca_file=options.ca_file,
        cert_file=options.cert_file,
        key_file=options.key_file,
        token_file=options.token_file,
    )
    async with (
        AudienceClient(options.audience_address, credentials=credentials) as audiences,
        EnrichmentClient(options.enrichment_address, credentials=credentials) as enrichment,
    ):
        engine = CampaignEngine(
            book=Book(options.book),
            audiences=audiences,
            enrichment=enrichment,
            names=options.names,
            template=options.template,
            campaign=options.campaign,
        )
        await engine.run(until_done=options.until_done)


if __name__ == "__main__":
    asyncio.run(_main())
