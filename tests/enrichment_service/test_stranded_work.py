"""The check that every store test ends with finds what it is there to find."""

import pytest

from tests.support.enrichment_store import Workspace
from tests.support.store_scenes import busy
from tests.support.stranded import stranded_work


async def found(workspace: Workspace, url: str, *damage: str) -> list[str]:
    """What is stranded once these keys of the workspace's partition are gone; then it is undone."""
    names = [workspace.tag + name for name in damage]
    kept = {name: workspace.client.dump(name) for name in names}
    workspace.client.delete(*names)
    stranded = stranded_work(url)
    for name, value in kept.items():
        assert value is not None, name
        workspace.client.restore(name, 0, value)
    return stranded


@pytest.mark.parametrize("key", ["due", "ring:w/a", "queue:w/e"])
async def test_queued_work_is_found(workspace: Workspace, valkey_url: str, key: str) -> None:
    lease = await busy(workspace)
    await workspace.end(lease)
    assert stranded_work(valkey_url) == []
    assert await found(workspace, valkey_url, key)


async def test_a_view_without_a_worker_is_found(workspace: Workspace, valkey_url: str) -> None:
    lease = await busy(workspace)
    await workspace.view(lease)
    assert stranded_work(valkey_url) == []
    assert await found(workspace, valkey_url, "leases")


async def test_a_forgotten_retry_is_found(workspace: Workspace, valkey_url: str) -> None:
    lease = await busy(workspace, 1)
    view = await workspace.view(lease)
    await workspace.finish(lease, view, outcome="RETRY", retry_in_ms=60_000)
    await workspace.end(lease)
    assert stranded_work(valkey_url) == []
    assert await found(workspace, valkey_url, "retries:w/a")


async def test_what_waits_for_a_person_is_not_stranded(
    workspace: Workspace, valkey_url: str
) -> None:
    lease = await busy(workspace)
    await workspace.end(lease)
    await workspace.call("set_account_connection", account=workspace.of("a"), connected=False)
    assert stranded_work(valkey_url) == []
