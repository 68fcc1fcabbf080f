"""Promises 1, 4 and 5 over a history: what LinkedIn saw, against rules computed anew here."""

from collections import Counter, defaultdict

from enrichment.v1.events_pb2 import EVENT_TYPE_PROFILE_CACHED, EVENT_TYPE_PROFILE_ENRICHED, Event
from enrichment.v1.profiles_pb2 import ConnectionDegree

from linkedin_simulator.people import Population
from tests.simulation.history import History
from tests.simulation.plan import DAY_MS

# Seed: the daily caps of each ramp week, the last one for good.
CAPS = {
    "NEW": (10, 20, 30, 40, 50, 60),
    "ESTABLISHED": (30, 46, 63, 80),
    "VETERAN": (50, 100),
    "RECOVERY": (5, 8, 12, 15, 19, 22, 26, 30),
}
_KNOWN = (EVENT_TYPE_PROFILE_ENRICHED, EVENT_TYPE_PROFILE_CACHED)


def check_caps(history: History) -> None:
    """Promise 1: never a view above the cap, nor one of enrichment in the share of campaigns."""
    account_of = {account.provider: account for account in history.plan.accounts}
    seen: Counter[tuple[str, int]] = Counter()
    by_enrichment: Counter[tuple[str, int]] = Counter()
    # A lower cap acts at once, so views are looked at in their order.
    made = [
        (view["time_ms"], 0, account_of[view["account_id"]].id, 1)
        for view in history.views
        if view["counted"]
    ]
    made += [(views.at_ms, 1, views.account, views.count) for views in history.campaign]
    for at_ms, is_campaign, account, count in sorted(made):
        key = (account, at_ms // DAY_MS)
        seen[key] += count
        if not is_campaign:
            by_enrichment[key] += 1
        cap = cap_of(history, account, at_ms)
        if count:
            assert seen[key] <= cap, f"{key}: {seen[key]} views, the cap is {cap}"
    for account_ in history.plan.accounts:
        for (account, day), count in by_enrichment.items():
            if account == account_.id:
                cap = max(cap_of(history, account, day * DAY_MS + at) for at in (0, DAY_MS - 1))
                assert count <= cap - account_.share, (account, day, count, account_.share)


def cap_of(history: History, account: str, at_ms: int) -> int:
    """The cap of the strategy in force then, in the week of its ramp."""
    strategy, ramp_start = next(
        (strategy, day)
        for since, strategy, day in reversed(history.strategies[account])
        if since <= at_ms or since == 0
    )
    caps = CAPS[strategy]
    return caps[min((at_ms // DAY_MS - ramp_start) // 7, len(caps) - 1)]


def check_books(history: History) -> None:
    """The books charge at least what happened; exactly that when nothing went wrong."""
    account_of = {account.provider: account.id for account in history.plan.accounts}
    happened: Counter[tuple[str, int, str]] = Counter()
    for view in history.views:
        if view["counted"]:
            day = view["time_ms"] // DAY_MS
            happened[account_of[view["account_id"]], day, "ENRICHMENT"] += 1
    for views in history.campaign:
        happened[views.account, views.at_ms // DAY_MS, "CAMPAIGN_STEP"] += views.count
    for key in happened.keys() | history.committed.keys():
        charged = history.committed[key]
        if history.plan.faulty:
            assert charged >= happened[key], f"{key}: {happened[key]} views, {charged} charged"
        else:
            assert charged == happened[key], f"{key}: {happened[key]} views, {charged} charged"


def check_freshness(history: History) -> int:
    """Promise 4: whoever the cache knew was not viewed again; how many were viewed in vain.

    A view that was made again because a fault interrupted the first one is no breach, but there are
    no more of those than faults.
    """
    workspace_of = {account.provider: account.workspace for account in history.plan.accounts}
    known = _known_ids(history)
    good: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    repeated = 0
    for view in history.views:
        workspace, asked = workspace_of[view["account_id"]], view["identifier"]
        fresh_ms = _fresh_ms(history, asked)
        since = [at for at in known[workspace, asked] if at < view["time_ms"] < at + fresh_ms]
        assert not since, f"viewed again after {(view['time_ms'] - since[0]) / DAY_MS:.1f} days"
        if view["status"] != 200 or view["fault"] is not None:
            continue
        earlier = good[workspace, view["person"]]
        repeated += bool(earlier) and view["time_ms"] - earlier[-1] < fresh_ms
        earlier.append(view["time_ms"])
    return repeated


def _fresh_ms(history: History, asked: str) -> int:
    """People are submitted by enrichments of one freshness only, which their name tells."""
    person = history.asked[asked]
    return (5 if person.startswith("age5-") else 30) * DAY_MS


def _known_ids(history: History) -> defaultdict[tuple[str, str], list[int]]:
    """When the cache came to know the person of an id, by workspace and id."""
    ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    known: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for event in history.events:
        if event.type != EVENT_TYPE_PROFILE_ENRICHED:
            continue
        workspace, person = _workspace(event), event.profile_data
        ids[workspace, person.provider_id] |= {person.provider_id, person.public_identifier}
        for each in ids[workspace, person.provider_id]:
            known[workspace, each].append(event.event_time.ToMilliseconds())
    return known


def check_viewer_relative(history: History) -> int:
    """Promise 5: an account is shown what it saw itself, or nothing; how often it was shown."""
    provider_of = {account.id: account.provider for account in history.plan.accounts}
    population = Population(
        null_share=0, private_share=history.plan.private_share, picture_seconds=1
    )
    saw: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for view in history.views:
        if view["status"] == 200 and view["fault"] in (None, "throttle", "null_names"):
            saw[view["account_id"], view["person"]].add(view["fault"] or "well")
    shown = 0
    for event in (*history.events, *history.followed):
        person = event.profile_data
        if event.type not in _KNOWN or not person.connection_degree:
            continue
        account = provider_of["/".join(event.account.split("/")[1::2])]
        faults = saw[account, person.provider_id]
        assert faults, "an account is shown a degree that it has never seen"
        profile = population.profile(
            tail=person.provider_id[5:], vanity="abc", account_id=account, now_ms=0, by_vanity=True
        )
        degree = str(profile["network_distance"]).removesuffix("_DEGREE")
        expected = {(degree, profile["shared_connections_count"])}
        if "null_names" in faults:
            expected.add(("OUT_OF_NETWORK", 0))
        name = ConnectionDegree.Name(person.connection_degree)
        got = (name.removeprefix("CONNECTION_DEGREE_"), person.shared_connections_count)
        assert got in expected, (got, expected)
        shown += 1
    return shown


def _workspace(event: Event) -> str:
    return event.enrichment.split("/")[1]
