"""The product's main job, step by step, against a running stack."""

import asyncio
import json
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audience.v1.audiences_pb2 import (
    AddProspectsRequest,
    Audience,
    CreateAudienceRequest,
    GetAudienceRequest,
    ImportReceipt,
    ListAudienceProspectsRequest,
    Member,
    StartEnrichmentRequest,
)
from enrichment.v1.accounts_pb2 import Account, AccountStrategy, ConnectAccountRequest
from enrichment.v1.events_pb2 import (
    START_POSITION_EARLIEST,
    Event,
    SubscribeEventsRequest,
)

from clients.audience import AudienceClient
from clients.credentials import Credentials
from clients.enrichment import EnrichmentClient
from clients.imports import import_file
from clients.subscription import subscribe
from tests.support.stack_process import RunningStack

WORKSPACE = "workspaces/demo"
SAMPLES = Path(__file__).parents[2] / "clients" / "samples"


class Job:
    """One workspace on one stack."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.credentials = _credentials_of(stack)
        self.audiences = AudienceClient(stack.audience, credentials=self.credentials)
        self.enrichment = EnrichmentClient(stack.enrichment, credentials=self.credentials)

    async def close(self) -> None:
        await self.audiences.close()
        await self.enrichment.close()

    async def connect(self, account: str, strategy: AccountStrategy.ValueType) -> None:
        """Connects `account`, whose id at the provider is the same."""
        await self.enrichment.accounts.ConnectAccount(
            ConnectAccountRequest(
                parent=WORKSPACE,
                account_id=account,
                account=Account(provider_account_id=account, strategy=strategy),
            )
        )

    async def audience(self, audience: str, *, account: str) -> str:
        """Creates an audience for an account; its name."""
        answer = await self.audiences.audiences.CreateAudience(
            CreateAudienceRequest(
                parent=WORKSPACE,
                audience_id=audience,
                audience=Audience(account=f"{WORKSPACE}/accounts/{account}"),
            )
        )
        return answer.audience.name

    async def import_sample(
        self, audience: str, file: Path, *, request_id: str | None = None
    ) -> ImportReceipt:
        """Imports a file; its receipt."""
        with file.open("rb") as opened:
            async for message in import_file(
                self.audiences.audiences, opened, audience=audience, request_id=request_id
            ):
                if isinstance(message, ImportReceipt):
                    return message
        raise AssertionError("the import ended without a receipt")

    async def add(self, audience: str, urls: Sequence[str]) -> None:
        """Adds people by their addresses."""
        await self.audiences.audiences.AddProspects(
            AddProspectsRequest(audience=audience, profile_urls=urls)
        )

    @property
    def store_port(self) -> int:
        """Where the enrichment service's store listens."""
        return int(self._address_of("store").rpartition(":")[2])

    @property
    def enrichment_metrics(self) -> str:
        """Where the enrichment service's metrics are."""
        return self._address_of("enrichment_metrics")

    @property
    def audience_metrics(self) -> str:
        """Where the audience service's metrics are."""
        return self._address_of("audience_metrics")

    def _address_of(self, part: str) -> str:
        document = json.loads((self.stack.data_dir / "addresses.json").read_text())
        return str(document[part])

    async def start(self, audience: str) -> None:
        await self.audiences.audiences.StartEnrichment(StartEnrichmentRequest(name=audience))

    async def get(self, audience: str) -> Audience:
        answer = await self.audiences.audiences.GetAudience(GetAudienceRequest(name=audience))
        return answer.audience

    async def enriched(self, audience: str, count: int, *, seconds: float = 60.0) -> None:
        """Waits until so many members are enriched."""
        async with asyncio.timeout(seconds):
            while True:
                if (await self.get(audience)).progress.enriched >= count:
                    return
                await asyncio.sleep(0.02)

    async def done(self, audience: str, *, seconds: float = 90.0) -> Audience:
        """Waits until every member of the audience has come to an end."""
        async with asyncio.timeout(seconds):
            while True:
                current = await self.get(audience)
                progress = current.progress
                if not progress.pending and not progress.not_submitted and progress.members:
                    return current
                await asyncio.sleep(0.05)

    async def members(self, audience: str) -> list[Member]:
        """All members, page by page."""
        members: list[Member] = []
        token = ""
        while True:
            page = await self.audiences.audiences.ListAudienceProspects(
                ListAudienceProspectsRequest(audience=audience, page_size=500, page_token=token)
            )
            members += page.members
            token = page.next_page_token
            if not token:
                return members

    async def all_events(self) -> list[Event]:
        """The whole log, from the oldest event to the newest."""
        request = SubscribeEventsRequest(
            start_position=START_POSITION_EARLIEST, stop_when_caught_up=True
        )
        events: list[Event] = []
        async for message in subscribe(self.enrichment.events, request):
            events += message.batch.events
        return events

    async def post_fault(self, rule: dict[str, Any]) -> None:
        """Lets something go wrong at the simulator from now on."""
        await asyncio.to_thread(self._control, "POST", "faults", rule)

    async def post_people(self, people: list[dict[str, str]]) -> None:
        """Makes identifiers one person each at the simulator."""
        await asyncio.to_thread(self._control, "POST", "people", people)

    async def lift_faults(self) -> None:
        """Nothing goes wrong there any more."""
        await asyncio.to_thread(self._control, "DELETE", "faults", None)

    def _control(self, method: str, what: str, body: object) -> None:
        request = urllib.request.Request(
            f"http://{self.stack.simulator}/_sim/{what}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request):
            pass

    async def views(self) -> list[dict[str, Any]]:
        """The simulator's own log of the views it served: the ground truth."""
        return await asyncio.to_thread(self._views)

    def _views(self) -> list[dict[str, Any]]:
        views: list[dict[str, Any]] = []
        while True:
            after = views[-1]["n"] if views else 0
            url = f"http://{self.stack.simulator}/_sim/views?after={after}&limit=10000"
            with urllib.request.urlopen(url) as response:
                page = json.load(response)["views"]
            if not page:
                return views
            views += page


def views_a_day(views: Sequence[dict[str, Any]], account: str) -> dict[int, int]:
    """Counted views of an account by day, days since 1970-01-01 UTC."""
    days = Counter(
        view["time_ms"] // 86_400_000
        for view in views
        if view["account_id"] == account and view["counted"]
    )
    return dict(sorted(days.items()))


def _credentials_of(stack: RunningStack) -> Credentials:
    """What a secured stack wants of its callers; nothing for another one."""
    addresses = json.loads(stack.line)
    ca_file, token_file = addresses["ca_file"], addresses["token_file"]
    return Credentials(
        ca_file=Path(ca_file) if ca_file else None,
        token_file=Path(token_file) if token_file else None,
    )
