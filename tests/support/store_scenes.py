"""Situations in which tests of ticks and of the cache begin."""

from tests.support.enrichment_store import Lease, Workspace


async def claimed(workspace: Workspace) -> Lease:
    """The lease that must be there to be claimed."""
    lease = await workspace.claim()
    assert lease is not None
    return lease


async def busy(workspace: Workspace, people: int = 3, *, strategy: str = "VETERAN") -> Lease:
    """A claimed account `a` with people p0, p1, … to view for its enrichment `e`."""
    await workspace.connect(strategy=strategy)
    await workspace.create()
    await workspace.submit("e", [f"p{number}" for number in range(people)])
    return await claimed(workspace)


async def ready(workspace: Workspace, *enrichments: str) -> None:
    """An account with room for many views, and enrichments (`e` by default)."""
    await workspace.connect(strategy="VETERAN")
    for name in enrichments or ("e",):
        await workspace.create(name)


async def states(workspace: Workspace, enrichment: str, *people: str) -> list[str]:
    """States after submitting these people."""
    return [item["state"] for item in await workspace.submit(enrichment, people)]
